"""A training step of a network: forward, mean cross-entropy, backward, SGD with momentum.

The timed step has dropout 0.5. Masks differ between libraries, so the checked step has dropout 0
and starts from the initial weights: its loss, and every weight after it, are compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.cases import Case
from bench.definition.chain import CHUNK, Chain, allowed
from bench.operations.networks import Network, OfZFNet, zfnet
from bench.operations.operation import (
    Call,
    Inputs,
    Output,
    Part,
    Tensors,
    at_most,
    generator,
    operation,
)
from kernels.bounds import LAMBDA, eps
from minidl import Tensor, nn, optim
from minidl import device as devices
from minidl import functional as F
from zfnet.inspectable import InspectableGraph

RATE, MOMENTUM, DROPOUT = 0.01, 0.9, 0.5


class Step(Network):
    """A step of SGD on a network: the loss, and the weights after the step."""

    libraries = "torch", "torch.compile"

    def operations(self, case: Case) -> int:
        """Those of forward and backward, and four for the update of each weight."""
        sizes = self.sizes(case)
        return sizes.forward + sizes.backward + self.outside_kernels(case)

    def outside_kernels(self, case: Case) -> int:
        return 4 * self.sizes(case).parameters

    def bytes(self, case: Case) -> int:
        """The images; each weight and its velocity read and written."""
        return 4 * (math.prod(self.shape(case)) + 4 * self.sizes(case).parameters)

    def inputs(self, case: Case) -> Inputs:
        labels = generator().integers(self.sizes(case).output[1], size=case.batch)
        return {**super().inputs(case), "labels": labels}

    def outputs(self, case: Case) -> list[Output]:
        return [Output(()), *map(Output, self.sizes(case).weights)]

    def call(self, case: Case, name: str, device: str = "cpu") -> Call:
        x, labels = self.inputs(case).values()
        ours = _Ours(self.model(case).to(device), Tensor(devices.move(x, device)), labels)
        return Call(ours.step, ours.arrays, ours.step_without_dropout)

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        return self._step(case, tensors, layout)

    def compiled(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        """Forward, loss and backward by TorchInductor, the optimizer as PyTorch has it."""
        import torch

        return self._step(case, tensors, layout, torch.compile)

    def _step(
        self,
        case: Case,
        tensors: Tensors,
        layout: Any,
        made: Callable[[Any], Any] = lambda net: net,
    ) -> Call:
        import torch

        from bench.torch_networks import network

        counterpart = network(self.model(case)).to(memory_format=layout).train()
        optimizer = torch.optim.SGD(counterpart.parameters(), RATE, MOMENTUM)
        x, labels = tensors.values()

        def loss_of(x: Any, labels: Any) -> Any:
            return torch.nn.functional.cross_entropy(counterpart(x), labels)

        measured = made(loss_of)

        @torch.enable_grad()
        def step() -> Any:
            optimizer.zero_grad()
            loss = measured(x, labels)
            loss.backward()
            optimizer.step()
            return loss

        dropouts = [m for m in counterpart.modules() if isinstance(m, torch.nn.Dropout)]
        return Call(
            step,
            lambda loss: [a.detach() for a in (loss, *counterpart.parameters())],
            lambda: _without(dropouts, step),
        )


@operation
class ZFNetStep(OfZFNet, Step):
    """The loss, and the weights after the step."""

    name = "zfnet_step"

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        x, labels = self.inputs(case).values()
        chains = self.chains(case, tf32)
        (loss, logits), (_, others) = (_pass(chain, x, labels) for chain in chains)
        # A loss changes by at most twice as much as a logit; its own rounding is the logarithm's.
        most = 2 * allowed(logits, others) + LAMBDA * eps(np.float32) * loss
        yield Part(0, ..., np.array(loss), at_most(most))
        start = zfnet(case).state_dict()
        both = zip(*(chain.gradients(case.batch) for chain in chains), strict=True)
        for output, ((name, g), (_, other)) in enumerate(both, start=1):
            expected, moved = (start[name] - RATE * each for each in (g, other))
            most = allowed(expected, moved)
            yield Part(output, ..., expected, at_most(most), as_norm=True)


@dataclass
class _Ours:
    """Our network in training."""

    model: Any
    x: Tensor
    labels: np.ndarray
    steps: int = 0
    optimizer: optim.SGD = field(init=False)

    def __post_init__(self) -> None:
        self.model.train()
        parameters = dict(self.model.named_parameters())
        self.optimizer = optim.SGD(parameters, RATE, MOMENTUM)

    def step(self) -> Tensor:
        if isinstance(self.model, InspectableGraph):  # else there is no dropout
            self.model.set_randomness(0, self.steps)
        self.model.zero_grad()
        loss = F.cross_entropy(self.model(self.x), self.labels)
        loss.backward()
        self.optimizer.step()
        self.steps += 1
        return loss

    def step_without_dropout(self) -> Tensor:
        dropouts = [m for _, m in self.model.modules() if isinstance(m, nn.Dropout)]
        return _without(dropouts, self.step)

    def arrays(self, loss: Tensor) -> list[Any]:
        return [loss.data, *(p.data for p in self.model.parameters())]


def _without(dropouts: list[Any], step: Callable[[], Any]) -> Any:
    """A step with p = 0; p is restored afterwards."""
    for layer in dropouts:
        layer.p = 0.0
    try:
        return step()
    finally:
        for layer in dropouts:
            layer.p = DROPOUT


def _pass(chain: Chain, x: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """(mean loss over the batch, logits); the chain's steps sum the gradients."""
    logits, losses = [], []
    for first in range(0, len(x), CHUNK):
        where = slice(first, first + CHUNK)
        some = chain.forward(x[where].astype(np.float64))
        chances = np.exp(some - some.max(1, keepdims=True))
        chances /= chances.sum(1, keepdims=True)
        right = np.arange(len(some)), labels[where]
        logits.append(some)
        losses.append(-np.log(chances[right]))
        chances[right] -= 1
        chain.backward(chances / len(x))
    return float(np.concatenate(losses).mean()), np.concatenate(logits)
