"""Updates of one parameter, in place: a step of SGD with momentum, and filters scaled back.

Bounded by memory: a step reads three arrays and writes two, filters are read and written. The
checked result is that of one update of the inputs; each timed update continues from the one before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bench.cases import KERNELS_FOR, Case
from bench.layers import Filters, Weights
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
MAX_RMS = 0.1


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


@operation
class Renormalise(KernelOperation):
    """w with every other filter scaled back to MAX_RMS."""

    name = kernel = "renormalise"
    layer = Filters

    def geometry(self, case: Case) -> tuple[int, ...]:
        assert isinstance(case.layer, Filters)
        return case.layer.shape

    def bytes(self, case: Case) -> int:
        return 4 * 2 * math.prod(self.geometry(case))

    def inputs(self, case: Case) -> Inputs:
        w = normal(self.geometry(case), generator())
        w[::2] *= MAX_RMS / 2
        w[1::2] *= MAX_RMS * 2
        return {"w": w}

    def outputs(self, case: Case) -> list[Output]:
        return [Output(self.geometry(case))]

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        w = self.inputs(case)["w"].astype(np.float64)
        rms = np.sqrt(np.square(w).mean(axis=(1, 2, 3), keepdims=True))  # (K,1,1,1)
        expected = w * np.minimum(1, MAX_RMS / rms)
        # A library may sum the squares in float32, one after the other.
        bound = rounding(w[0].size + ROUNDINGS, np.abs(expected), np.float32)
        yield Part(0, ..., expected, at_most(bound))

    def call(self, case: Case, name: str, device: str = "cpu") -> Call:
        kernel = named(self.kernel, name, KERNELS_FOR[device])
        (w,), (fresh,) = self.moved(case, device), self.moved(case, device)
        return Call(
            lambda: kernel(w, max_rms=MAX_RMS, out=w),
            judged=lambda: kernel(fresh, max_rms=MAX_RMS),
        )

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        """The norm, which `renorm` limits, is the rms times the root of the filter's size."""
        (w,) = tensors.values()
        own, norm = w.clone(), MAX_RMS * math.sqrt(w[0].numel())
        return Call(lambda: own.renorm_(2, 0, norm), judged=lambda: w.clone().renorm_(2, 0, norm))
