"""A training step of ZFNet: forward, mean cross-entropy, backward, SGD with momentum.

Dropout is 0.5 where it is timed. Masks differ between libraries, so what is judged is a step with
dropout 0 from the initial weights: its loss, and every weight after it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.cases import Case
from bench.definition.chain import CHUNK, Chain, allowed
from bench.layers import Whole
from bench.operations.networks import OfZFNet, zfnet
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
from minidl import functional as F

RATE, MOMENTUM, DROPOUT = 0.01, 0.9, 0.5


@operation
class ZFNetStep(OfZFNet):
    """The loss, and the weights after the step."""

    name = "zfnet_step"

    def operations(self, case: Case) -> int:
        """Forward, backward, and four for the update of each weight."""
        sizes = self.sizes(case)
        return sizes.forward + sizes.backward + 4 * sizes.parameters

    def bytes(self, case: Case) -> int:
        """The images; each weight and its velocity read and written."""
        return 4 * (math.prod(self.shape(case)) + 4 * self.sizes(case).parameters)

    def inputs(self, case: Case) -> Inputs:
        assert isinstance(case.layer, Whole)
        labels = generator().integers(case.layer.classes, size=case.batch)
        return {**super().inputs(case), "labels": labels}

    def outputs(self, case: Case) -> list[Output]:
        return [Output(()), *map(Output, self.sizes(case).weights)]

    def parts(self, case: Case) -> Iterator[Part]:
        x, labels = self.inputs(case).values()
        chains = self.chains(case)
        losses = [_pass(chain, x, labels) for chain in chains]
        loss = np.array(losses[0])
        # The loss itself: exponentials, their sum, a logarithm, the mean.
        own = LAMBDA * eps(np.float32) * loss
        bound = LAMBDA * abs(losses[1] - losses[0]) + own
        yield Part(0, ..., loss, at_most(bound))
        start = zfnet(case).state_dict()
        both = zip(*(chain.gradients(case.batch) for chain in chains), strict=True)
        for output, ((name, g), (_, other)) in enumerate(both, start=1):
            expected, moved = (start[name] - RATE * each for each in (g, other))
            most = allowed(expected, moved)
            yield Part(output, ..., expected, at_most(most), as_norm=True)

    def call(self, case: Case, name: str) -> Call:
        x, labels = self.inputs(case).values()
        ours = _Ours(zfnet(case), Tensor(x), labels)
        return Call(ours.step, ours.arrays, ours.step_without_dropout)

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        import torch

        from bench.twin import network

        twin = network(zfnet(case)).to(memory_format=layout).train()
        optimizer = torch.optim.SGD(twin.parameters(), RATE, MOMENTUM)
        x, labels = tensors.values()

        @torch.enable_grad()
        def step() -> Any:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(twin(x), labels)
            loss.backward()
            optimizer.step()
            return loss

        dropouts = [m for m in twin.modules() if isinstance(m, torch.nn.Dropout)]
        arrays = lambda loss: [a.detach() for a in (loss, *twin.parameters())]  # noqa: E731
        return Call(step, arrays, lambda: _without(dropouts, step))


@dataclass
class _Ours:
    """A network in training."""

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

    def arrays(self, loss: Tensor) -> list[np.ndarray]:
        return [loss.data, *(p.data for p in self.model.parameters())]


def _without(dropouts: list[Any], step: Callable[[], Any]) -> Any:
    """A step with p = 0, and p as it was afterwards."""
    for layer in dropouts:
        layer.p = 0.0
    try:
        return step()
    finally:
        for layer in dropouts:
            layer.p = DROPOUT


def _pass(chain: Chain, x: np.ndarray, labels: np.ndarray) -> float:
    """The mean loss over the batch; the chain's steps add up the gradients."""
    total = 0.0
    for first in range(0, len(x), CHUNK):
        where = slice(first, first + CHUNK)
        logits = chain.forward(x[where].astype(np.float64))
        some = np.arange(len(logits)), labels[where]
        shifted = logits - logits.max(1, keepdims=True)
        chances = np.exp(shifted) / np.exp(shifted).sum(1, keepdims=True)
        total -= np.log(chances[some]).sum()
        chances[some] -= 1
        chain.backward(chances / len(x))
    return float(total) / len(x)
