"""Networks in PyTorch's float64, and the effect of float32 rounding on their results.

As in `chain.py` the network is computed a second time with noise as large as the roundings on the
way to each element: a layer's output is perturbed, backward its gradient, at the end the gradients
of the weights. The bound is that of `chain.allowed`. It needs PyTorch. Of a file with a layer that
has no counterpart there, the expected result is ONNX Runtime's in float32 (`engines.py`), and the
bound comes from a network of ours whose weights are changed by a rounding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from bench.definition.chain import SEED, moved
from bench.definition.steps import roundings
from bench.torch_networks import network
from kernels import ConvGeometry
from minidl import nn

FEW = 8
"""Roundings of a value in a normalisation, an activation or a sum of branches."""


class Definition:
    """A network in float64; with `noise` perturbed as by rounding.

    training: as in a training step, batch normalisation by the statistics of the batch.
    """

    def __init__(self, model: nn.Graph, noise: bool, training: bool = False) -> None:
        self.net = network(model).double().train(training)
        self.rng = np.random.default_rng(SEED) if noise else None
        self.counts: dict[str, int] = {}
        for layer in self.net.modules():
            if isinstance(layer, torch.nn.Dropout):
                layer.p = 0.0
            if noise and not any(layer.children()):
                layer.register_forward_hook(self._perturb)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """The network's result for images of any float type."""
        with torch.no_grad():
            return np.asarray(self.net(torch.from_numpy(x.astype(np.float64))))

    def step(self, x: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
        """(mean cross-entropy, logits); the gradients are in `gradients` afterwards."""
        with torch.enable_grad():
            logits = self.net(torch.from_numpy(x.astype(np.float64)))
            loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels).long())
            loss.backward()
        return float(loss.detach()), np.asarray(logits.detach())

    def gradients(self) -> list[np.ndarray]:
        """The gradient of each weight, in the order of the network's parameters."""
        named = dict(self.net.named_parameters())
        counts = {f"{layer}.{w}": n for layer, n in self.counts.items() for w in ("weight", "bias")}
        return [
            moved(np.asarray(p.grad), counts.get(name, 0), self.rng) for name, p in named.items()
        ]

    def _perturb(self, layer: Any, inputs: Sequence[Any], y: Any) -> Any:
        """y with noise, and noise on its gradient: the forward hook of a layer."""
        terms = _terms(layer, inputs, y)
        if not terms:
            return y
        if y.requires_grad:
            self._count(layer, y)
            y.register_hook(lambda gy: self._noisy(gy, terms))
        return self._noisy(y, terms)

    def _count(self, layer: Any, y: Any) -> None:
        """Note the number of terms in a gradient of the layer's weights: the pixels of a batch."""
        name = next(n for n, each in self.net.named_modules() if each is layer)
        self.counts[name] = max(y.numel() // y.shape[1], 1)

    def _noisy(self, y: Any, terms: int) -> Any:
        plain = y.detach()
        noise = moved(np.asarray(plain), terms, self.rng) - np.asarray(plain)
        return y + torch.from_numpy(noise)


def _terms(layer: Any, inputs: Sequence[Any], y: Any) -> int:
    """The number of roundings on the way to an element of a layer's result."""
    if isinstance(layer, torch.nn.Conv2d):
        settings = layer.stride, layer.padding, layer.dilation, layer.groups
        return roundings(
            ConvGeometry.of(tuple(inputs[0].shape), tuple(layer.weight.shape), *settings)
        )
    if isinstance(layer, torch.nn.Linear):
        return layer.in_features + 1
    if isinstance(layer, torch.nn.AdaptiveAvgPool2d | torch.nn.AvgPool2d):
        return max(int(inputs[0].numel() // y.numel()), FEW)
    if isinstance(layer, torch.nn.BatchNorm2d) and layer.training:
        return FEW + math.isqrt(y.numel() // y.shape[1])  # sums of a batch are made in parts
    exact = torch.nn.ReLU, torch.nn.MaxPool2d, torch.nn.Flatten, torch.nn.Identity
    return 0 if isinstance(layer, exact) else FEW
