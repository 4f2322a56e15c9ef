"""Times of a network's layers, one after the other: kernels, operations, and bytes of each.

A layer here is one call of the forward pass: a convolution with the ReLU and the pooling that are
fused with it is one. The median over the repetitions counts; the first is not counted.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from bench.machine import Machine, Share
from bench.network_sizes import LayerSize, layers_by_a_run
from kernels import Kernel
from kernels.contract.kernel import observed
from kernels.contract.operations import tally
from minidl import Tensor, nn, no_grad


@dataclass(frozen=True)
class Timed:
    """One call of the forward pass.

    names:      of its layers; kind: what they are.
    kernels:    the names of the kernels that it calls, in order, each once.
    seconds:    the median of its times.
    operations: floating-point operations of the definition; done: those really done in kernels.
    bytes:      the least that it has to move: inputs, weights and result.
    weights:    bytes of its weights; result: of its result.
    """

    names: tuple[str, ...]
    kind: str
    kernels: tuple[str, ...]
    seconds: float
    operations: int
    done: int
    bytes: int
    weights: int
    result: int

    @property
    def name(self) -> str:
        return self.names[0]

    @property
    def gflops(self) -> float:
        return self.operations / self.seconds / 1e9

    def share(self, machine: Machine) -> Share:
        """The share of the nearer limit, by the operations really done or by the bytes."""
        return machine.share(self.done, self.bytes, self.seconds)


Call = tuple[tuple[str, ...], Callable[..., Tensor], tuple[str, ...], tuple[str, ...]]
"""Names of layers, their call, the names of its inputs, and of the results not needed after it."""


def calls_of(model: nn.Graph) -> list[Call]:
    """The calls of a forward pass in order: all that this profile knows of how it is executed."""
    return [(run.names, run.call, run.inputs, run.dead) for run in model.plan()]


def profile(
    model: nn.Graph, x: np.ndarray, repeats: int, done: Callable[[int], None] = lambda _: None
) -> list[Timed]:
    """The layers of a network in inference, timed on x; `done` is called after each repetition."""
    calls, times = calls_of(model), dict[tuple[str, ...], list[float]]()
    kernels: dict[tuple[str, ...], _Kernels] = {}
    with no_grad():
        _pass(calls, x, lambda names, call: _watched(kernels, names, call))
        for repeat in range(repeats + 1):
            _pass(calls, x, lambda names, call: _clocked(times, names, call))
            done(repeat)
    sizes = {size.name: size for size in layers_by_a_run(model, x.shape)}
    return [
        _timed(names, [sizes[name] for name in names], kernels[names], times[names][1:])
        for names, *_ in calls
    ]


@dataclass
class _Kernels:
    """The kernels of a call, and the operations that they really do."""

    titles: dict[str, None]
    operations: int = 0


Wrapper = Callable[[tuple[str, ...], Callable[[], Tensor]], Tensor]


def _pass(calls: Sequence[Call], x: np.ndarray, wrapped: Wrapper) -> None:
    """One forward pass, each call made by `wrapped`."""
    kept = {nn.INPUT: Tensor(x)}
    for names, call, inputs, dead in calls:
        given = [kept[name] for name in inputs]
        kept[names[-1]] = wrapped(names, partial(call, *given))
        for name in dead:
            del kept[name]


def _clocked(
    times: dict[tuple[str, ...], list[float]], names: tuple[str, ...], call: Callable[[], Tensor]
) -> Tensor:
    began = time.perf_counter()
    result = call()
    times.setdefault(names, []).append(time.perf_counter() - began)
    return result


def _watched(
    found: dict[tuple[str, ...], _Kernels], names: tuple[str, ...], call: Callable[[], Tensor]
) -> Tensor:
    kernels = found[names] = _Kernels({})

    def called(kernel: Kernel, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        kernels.titles[kernel.name] = None
        counted.add(kernel, args, options)

    with tally() as counted, observed(called):
        result = call()
    kernels.operations = counted.operations
    return result


def _timed(
    names: tuple[str, ...], sizes: Sequence[LayerSize], kernels: _Kernels, times: Sequence[float]
) -> Timed:
    weights = 4 * sum(p.size for size in sizes for p in size.layer.parameters())
    result = 4 * math.prod(sizes[-1].y)
    return Timed(
        names,
        " + ".join(type(size.layer).__name__ for size in sizes),
        tuple(kernels.titles),
        float(np.median(times)),
        sum(size.operations for size in sizes),
        kernels.operations,
        sizes[0].given + weights + result,
        weights,
        result,
    )


def together(timed: Sequence[Timed]) -> Mapping[str, float]:
    """The seconds of all layers of one kind, the longest first."""
    sums: dict[str, float] = {}
    for each in timed:
        sums[each.kind] = sums.get(each.kind, 0.0) + each.seconds
    return dict(sorted(sums.items(), key=lambda item: -item[1]))
