"""A step of SGD with momentum over one parameter, in place.

Bounded by memory: three arrays are read and two written. The checked result is that of one step
from the same arrays; each timed step continues from the one before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bench.cases import KERNELS_FOR, Case
from bench.layers import Weights
from bench.operations.operation import (
    Call,
    Inputs,
    KernelOperation,
    Output,
    Part,
    Tensors,
    at_most,
    generator,
    normal,
    operation,
)
from kernels import named
from kernels.bounds import rounding

SETTINGS = {"lr": 0.01, "momentum": 0.9, "weight_decay": 5e-4}
ROUNDINGS = 8
"""Most roundings of a result: settings to float32, products and sums."""


@operation
class SgdStep(KernelOperation):
    """w and v after the step."""

    name = kernel = "sgd_step"
    layer = Weights

    def geometry(self, case: Case) -> tuple[int, ...]:
        assert isinstance(case.layer, Weights)
        return case.layer.shape

    def operations(self, case: Case) -> int:
        return 6 * math.prod(self.geometry(case))

    def bytes(self, case: Case) -> int:
        return 4 * 5 * math.prod(self.geometry(case))

    def inputs(self, case: Case) -> Inputs:
        rng = generator()
        return {name: normal(self.geometry(case), rng) for name in ("w", "v", "g")}

    def outputs(self, case: Case) -> list[Output]:
        return [Output(self.geometry(case))] * 2

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        w, v, g = (a.astype(np.float64) for a in self.inputs(case).values())
        for output, (result, absolute) in enumerate(
            zip(_step(w, v, g), _absolute(w, v, g), strict=True)
        ):
            yield Part(output, ..., result, at_most(rounding(ROUNDINGS, absolute, np.float32)))

    def call(self, case: Case, name: str, device: str = "cpu") -> Call:
        kernel = named(self.kernel, name, KERNELS_FOR[device])
        w, v, g = self.moved(case, device)
        fresh = self.moved(case, device)
        return Call(
            lambda: kernel(w, v, g, out=(w, v), **SETTINGS),
            tuple,
            lambda: kernel(*fresh, **SETTINGS),
        )

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        """PyTorch's own optimiser; the velocity is set to ours before its first step."""
        import torch

        def step_of(w: Any, v: Any, g: Any) -> Callable[[], Any]:
            optimiser = torch.optim.SGD([w], **SETTINGS)
            w.grad = g
            optimiser.state[w]["momentum_buffer"] = v

            def step() -> Any:
                optimiser.step()
                return w, v

            return step

        def copies() -> list[Any]:
            return [t.clone() for t in tensors.values()]

        return Call(step_of(*copies()), tuple, lambda: step_of(*copies())())


def _step(w: np.ndarray, v: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    velocity = SETTINGS["momentum"] * v + g + SETTINGS["weight_decay"] * w
    return w - SETTINGS["lr"] * velocity, velocity


def _absolute(w: np.ndarray, v: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sums of the absolute terms."""
    _, velocity = _step(*(np.abs(a) for a in (w, v, g)))
    return np.abs(w) + SETTINGS["lr"] * velocity, velocity
