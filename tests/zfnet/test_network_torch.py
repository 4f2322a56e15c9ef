"""A network's activations, loss and gradients against PyTorch's with the same weights.

In float32 layer by layer: PyTorch, in float64, gets what our layer got and must find what ours
found, but for the rounding of our sums. In float64 as a whole: there rounding is multiplied by the
network's condition, which the eps of float32 stands in for; it would have to exceed 2^29.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from kernels.bounds import eps, rounding, within
from minidl import Tensor, exact, nn
from minidl import functional as F
from tests.shared.twins import LocalContrastNorm, double, majorant, network_twin, torch
from zfnet.model import ConvNet, ZFNet

SIDE, CLASSES = 64, 10
LABELS = np.array([3, 9, 0])
KINDS: dict[str, dict[str, Any]] = {
    "lcn": {"norm": "lcn"},
    "lrn": {"norm": "lrn"},
    "none": {"norm": None},
    "lrn before pooling": {"norm": "lrn", "norm_before_pool": True, "pool_ceil": True},
}


class Run:
    """One forward and backward pass of ours, and PyTorch's for the input of each layer.

    seen:       every layer's output by name, "input" first.
    cotangents: of these, from the mean cross-entropy.
    """

    def __init__(self, options: dict[str, Any], dtype: Any) -> None:
        self.options = options
        self.model = _network(options, dtype)
        pictures = np.random.default_rng(3).uniform(-120, 120, (len(LABELS), 3, SIDE, SIDE))
        x = Tensor(pictures.astype(dtype), requires_grad=True)
        outputs = {"input": x, **self.model.activations(x)}
        self.loss = F.cross_entropy(outputs["fc8"], LABELS)
        cotangents = self.loss.backward(inputs=list(outputs.values()))
        self.loss.backward()
        self.seen = {name: y.data for name, y in outputs.items()}
        self.cotangents = {n: g.data for n, g in zip(outputs, cotangents, strict=True)}
        self.twin = network_twin(self.model)

    def layers(self) -> Iterator[tuple[str, str, Any]]:
        """(name, name of the layer below, PyTorch's module)."""
        names = list(self.seen)
        for below, name in itertools.pairwise(names):
            yield name, below, getattr(self.twin, name)

    def output_bound(self, name: str, below: str, module: Any) -> np.ndarray:
        """The effect of float32 rounding on one layer's output."""
        if isinstance(module, LocalContrastNorm):
            return _rounded_once(self.seen[name])
        y = majorant(module)(double(np.abs(self.seen[below])))
        return rounding(self.units(name, self.seen[below])[0], y.detach().numpy(), np.float32)

    def units(self, name: str, x: np.ndarray) -> tuple[float, float, float]:
        """Roundings in an element of the output, of gx and of the gradients of the parameters."""
        layer = getattr(self.model, name)
        if isinstance(layer, nn.Conv2d | nn.Linear):
            (K, C), size = layer.weight.shape[:2], layer.weight.size
            return size // K + 1, size // C, self.seen[name].size // K
        if isinstance(layer, nn.LocalResponseNorm):
            return layer.settings["size"] + 6, 2 * layer.settings["size"] + 14, 0
        return 0, 4 if isinstance(layer, nn.MaxPool2d) else 0, 0  # 4 windows may share a maximum


def _network(options: dict[str, Any], dtype: Any) -> ConvNet:
    model = ZFNet(CLASSES, SIDE, width=0.06, init="he", seed=5, **options)
    rng = np.random.default_rng(2)
    for name, parameter in model.named_parameters():
        if name.endswith(".bias"):
            parameter.assign(rng.normal(0, 0.5, parameter.shape).astype(np.float32))
        parameter.data = parameter.data.astype(dtype)
    model.eval()
    return model


def _rounded_once(expected: np.ndarray) -> np.ndarray:
    """Local contrast normalisation computes in float64, so float32 is rounded to at the end only;
    float64's own rounding stays below that up to a condition of 2^29."""
    return eps(np.float32) * (np.abs(expected) + np.abs(expected).max())


def _gradients(function: Any, module: Any, x: np.ndarray, gy: np.ndarray) -> list[np.ndarray]:
    """PyTorch's gradients of the input and the parameters."""
    leaf = double(x)
    parameters = list(module.parameters()) if isinstance(module, torch.nn.Module) else []
    y = function(leaf)
    found = torch.autograd.grad(y, [leaf, *parameters], torch.tensor(gy.astype(np.float64)))
    return [g.numpy() for g in found]


@pytest.fixture(scope="module", params=KINDS)
def single(request: pytest.FixtureRequest) -> Run:
    with exact():
        return Run(KINDS[request.param], np.float32)


@pytest.fixture(scope="module", params=KINDS)
def whole(request: pytest.FixtureRequest) -> Run:
    with exact():
        return Run(KINDS[request.param], np.float64)


def test_each_layers_activations_equal_pytorchs(single: Run) -> None:
    for name, below, module in single.layers():
        expected = module(double(single.seen[below])).detach().numpy()
        bound = single.output_bound(name, below, module)
        assert within(single.seen[name], expected, bound), name


def test_each_layers_gradients_equal_pytorchs(single: Run) -> None:
    for name, below, module in single.layers():
        x, gy = single.seen[below], single.cotangents[name]
        own = [p.grad for p in getattr(single.model, name).parameters()]
        found = [single.cotangents[below], *(g.data for g in own if g is not None)]
        expected = _gradients(module, module, x, gy)
        if isinstance(module, LocalContrastNorm):
            bounds = [_rounded_once(g) for g in expected]
        else:
            absolute = majorant(module)
            sums = _gradients(absolute, absolute, *_magnitudes(module, x, gy))
            units = single.units(name, x)[1:]
            bounds = [rounding(units[i > 0], s, np.float32) for i, s in enumerate(sums)]
        assert len(found) == len(expected) == len(bounds), name
        assert all(map(within, found, expected, bounds)), name


def _magnitudes(module: Any, x: np.ndarray, gy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Absolute values; a layer that selects by its input selects the same by it."""
    selects = isinstance(module, torch.nn.MaxPool2d | torch.nn.ReLU)
    return (x if selects else np.abs(x)), np.abs(gy)


def test_the_loss_equals_pytorchs(single: Run) -> None:
    logits = single.twin(double(single.seen["input"]))
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor(LABELS)).item()
    carried = sum(
        float((np.abs(single.cotangents[name]) * single.output_bound(name, below, module)).sum())
        for name, below, module in single.layers()
    )
    # Of the loss itself: the exponentials' sum, its logarithm, differences, the mean.
    largest = 2 * np.abs(single.seen["fc8"]).max() + np.log(CLASSES)
    own = rounding(CLASSES + len(LABELS) + 6, largest, np.float32)
    # Each layer's rounding reaches the loss by its cotangent; twice, for what is second-order.
    assert within(single.loss.data, np.array(expected), 2 * carried + own)


def test_the_whole_networks_activations_equal_pytorchs(whole: Run) -> None:
    y = double(whole.seen["input"])
    for name, _, module in whole.layers():
        y = module(y)
        assert within(whole.seen[name], y.detach().numpy(), _slack(y)), name


def test_the_whole_networks_loss_and_gradients_equal_pytorchs(whole: Run) -> None:
    x = double(whole.seen["input"])
    loss = torch.nn.functional.cross_entropy(whole.twin(x), torch.tensor(LABELS))
    loss.backward()
    theirs = dict(whole.twin.named_parameters())
    assert within(whole.loss.data, loss.detach().numpy(), _slack(loss))
    assert within(whole.cotangents["input"], x.grad.numpy(), _slack(x.grad))
    for name, parameter in whole.model.named_parameters():
        expected = theirs.pop(name).grad
        assert parameter.grad is not None
        assert within(parameter.grad.data, expected.numpy(), _slack(expected)), name
    assert not theirs


def test_the_kernels_that_are_picked_give_what_the_exact_ones_give(single: Run) -> None:
    picked, exact = Run(single.options, np.float32), single
    for name, expected in exact.seen.items():
        assert within(picked.seen[name], expected, 1e-4 * np.abs(expected).max()), name
    for name, expected in exact.cotangents.items():
        assert within(picked.cotangents[name], expected, 1e-3 * np.abs(expected).max()), name


def _slack(expected: Any) -> float:
    return eps(np.float32) * float(expected.detach().abs().max())
