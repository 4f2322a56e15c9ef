"""Calls of updates of parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.bounds import rounding
from kernels.contract.registry import Kernel
from kernels.verify.arrays import FILLS, small
from kernels.verify.calls import Bounds, Call, Operation, Results, operation

Shape = tuple[int, ...]
ROUNDINGS = 8
"""Of a result of SGD: of three hyperparameters, of four products and sums, and one more."""


@operation
class SgdStep(Operation):
    """Its geometry is the shape of w, v and g, which is not passed to the kernel."""

    name = "sgd_step"
    returns = "w", "v"

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[Shape]:
        if not large:
            return st.lists(small(0, 5), max_size=5).map(tuple)
        matrix = st.tuples(small(1, 200), small(1, 70))
        other = st.lists(small(1, 40), max_size=3).map(tuple)
        return st.one_of(matrix, other)

    def shapes(self, g: Shape) -> dict[str, Shape]:
        return {"w": g, "v": g, "g": g}

    def options(self, kernel: Kernel, g: Shape) -> dict[str, st.SearchStrategy[Any]]:
        rates = st.floats(0, 1, exclude_max=True, allow_subnormal=False)
        return {"lr": rates, "momentum": rates, "weight_decay": st.one_of(st.just(0.0), rates)}

    def arguments(self, call: Call) -> tuple[Any, ...]:
        return tuple(call.inputs.values())

    def in_float64(self, call: Call) -> Results:
        w, v, g = (a.astype(np.float64) for a in call.inputs.values())
        lr, momentum, decay = (call.options[name] for name in ("lr", "momentum", "weight_decay"))
        velocity = momentum * v + (g + decay * w if decay else g)
        return w - lr * velocity, velocity

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        w, v, g = (np.abs(a.astype(np.float64)) for a in call.inputs.values())
        lr, momentum, decay = (call.options[name] for name in ("lr", "momentum", "weight_decay"))
        velocity = momentum * v + g + decay * w
        sums = w + lr * velocity, velocity
        first, second = (
            rounding(ROUNDINGS, a, call.dtype) + rounding(ROUNDINGS, a, np.float64) for a in sums
        )
        return first, second


@operation
class Renormalise(Operation):
    """Its geometry is the shape of w (K,C,R,S), which is not passed to the kernel."""

    name = "renormalise"
    returns = ("w",)

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[Shape]:
        if large:
            return st.tuples(small(1, 20), small(1, 70), small(1, 5), small(1, 5))
        return st.tuples(small(0, 5), small(0, 4), small(1, 3), small(1, 3))

    def shapes(self, g: Shape) -> dict[str, Shape]:
        return {"w": g}

    def fill(
        self, g: Shape, fill: str, rng: np.random.Generator, dtype: Any
    ) -> dict[str, np.ndarray]:
        """Filters of several scales, so that some exceed the largest rms and some do not."""
        w = FILLS[fill](g, rng, dtype)
        return {"w": w * rng.choice([0.0625, 1, 4], g[0]).astype(dtype)[:, None, None, None]}

    def options(self, kernel: Kernel, g: Shape) -> dict[str, st.SearchStrategy[Any]]:
        rms = st.floats(0, 8, allow_subnormal=False)
        return {"max_rms": st.one_of(st.just(1.0), rms, st.just(float("inf")))}

    def arguments(self, call: Call) -> tuple[Any, ...]:
        return tuple(call.inputs.values())

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        """The sum of squares rounds once for each weight, in float64 here and there; factor and
        product round in the type of w."""
        w = call.inputs["w"]
        expected = np.abs(call.define()[0])
        in_type = rounding(3, expected, call.dtype)
        return (in_type + rounding(2 * w[:1].size + 8, expected, np.float64),)
