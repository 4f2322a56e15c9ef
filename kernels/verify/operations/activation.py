"""Calls of activation functions, of softmax, and of their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.bounds import of_kernel
from kernels.contract.activation_geometry import (
    FUNCTIONS,
    WITH_PARAMETER,
    ActivationGeometry,
)
from kernels.contract.probe import supports
from kernels.contract.problem import Problem
from kernels.contract.registry import Kernel
from kernels.definition import elements
from kernels.verify.arrays import small
from kernels.verify.calls import Bounds, Call, Operation, Results, operation

Shape = tuple[int, ...]
GATED = ("gelu", "gelu_tanh")
"""Whose error is relative to |x|: the two parts of the gate may cancel."""


@operation
class Activation(Operation):
    """Its bound is relative to the result itself, of GELU to |x|."""

    name = "activation"
    inputs: tuple[str, ...] = ("x",)

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[ActivationGeometry]:
        axes = (
            st.lists(small(0, 5), max_size=5) if not large else st.lists(small(1, 40), max_size=3)
        )
        named = [name for name in FUNCTIONS if supports(kernel, Problem(one(name, (2,))))]
        drawn = st.sampled_from(named), axes, st.sampled_from((0.01, 0.2, 1.0, 1.6))
        return st.builds(lambda name, shape, alpha: one(name, tuple(shape), alpha), *drawn)

    def shapes(self, g: ActivationGeometry) -> dict[str, Shape]:
        return dict.fromkeys(self.inputs, g.shape)

    def fill(
        self, g: ActivationGeometry, fill: str, rng: np.random.Generator, dtype: Any
    ) -> dict[str, np.ndarray]:
        """Of the exponential within the range of float32; a property of its own goes beyond."""
        drawn = super().fill(g, fill, rng, dtype)
        if g.function == "exp":
            drawn["x"] = np.clip(drawn["x"], -80, 80).astype(dtype)
        return drawn

    def in_float64(self, call: Call) -> Results:
        return (getattr(elements, self.name)(*call.inputs.values(), call.g),)

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        x = call.inputs["x"].astype(np.float64)
        relative = x if call.g.function in GATED else self.in_float64(call)[0]
        return (of_kernel(kernel, call.g, np.abs(relative), call.dtype, 4),)


def one(function: str, shape: Shape, alpha: float = 1.0) -> ActivationGeometry:
    """The geometry, with the parameter where the function has one."""
    return ActivationGeometry.of(function, shape, alpha if function in WITH_PARAMETER else None)


@operation
class ActivationVjp(Activation):
    """Its bound is relative to |gy| times the derivative's terms; the exponential's argument of a
    Gaussian or of a cubic is rounded too, by eps times itself."""

    name, inputs = "activation_vjp", ("gy", "x")
    linear = ("gy",)

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        gy, x = (a.astype(np.float64) for a in call.inputs.values())
        with np.errstate(over="ignore", invalid="ignore"):
            terms = elements.ACTIVATIONS[call.g.function].terms(x, call.g.alpha)
            absolute = np.abs(gy) * sum(np.abs(t) * self._argument(call.g, x) for t in terms)
            if call.g.function in GATED:  # the gate is 1 minus what it may cancel with
                absolute += np.abs(gy)
        return (of_kernel(kernel, call.g, absolute, call.dtype, 4),)

    @staticmethod
    def _argument(g: ActivationGeometry, x: np.ndarray) -> np.ndarray | float:
        """1 plus the magnitude of the argument, where it is not x itself."""
        if g.function == "gelu_tanh":
            return np.asarray(1 + np.minimum(np.abs(x) * (1.6 + 0.08 * x * x), 1e3))
        return np.asarray(1 + np.minimum(x * x, 1e3)) if g.function in ("erf", "gelu") else 1.0


class Rows(Operation):
    """Its geometry is the shape (B,M,N) of its arrays; rows are along the last axis."""

    inputs: tuple[str, ...]

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[Shape]:
        if large:
            return st.tuples(small(1, 3), small(1, 40), small(1, 300))
        return st.tuples(small(0, 3), small(0, 4), small(0, 9))

    def shapes(self, g: Shape) -> dict[str, Shape]:
        return dict.fromkeys(self.inputs, g)

    def in_float64(self, call: Call) -> Results:
        return (getattr(elements, self.name)(*call.inputs.values(), call.g),)


@operation
class Softmax(Rows):
    """The difference x - max is rounded, which e^ multiplies: y (2 + |x - max|), and the mean of
    |x - max| weighted by y, of the sum."""

    name, inputs = "softmax", ("x",)

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        x, (y,) = call.inputs["x"].astype(np.float64), self.in_float64(call)
        if not x.size:
            return (0.0,)
        below = np.minimum(x.max(axis=-1, keepdims=True) - x, 1e3)  # beyond, e^ is 0
        absolute = y * (2 + below + (y * below).sum(axis=-1, keepdims=True))
        return (of_kernel(kernel, call.g, absolute, call.dtype, call.g[-1] + 6),)


@operation
class SoftmaxVjp(Rows):
    """Its y is the softmax of what is drawn."""

    name, inputs = "softmax_vjp", ("gy", "y")
    linear = ("gy",)

    def fill(
        self, g: Shape, fill: str, rng: np.random.Generator, dtype: Any
    ) -> dict[str, np.ndarray]:
        drawn = super().fill(g, fill, rng, dtype)
        return drawn | {"y": elements.softmax(drawn["y"], (g[0], g[1], g[2])).astype(dtype)}

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        gy, y = (np.abs(a.astype(np.float64)) for a in call.inputs.values())
        absolute = y * (gy + (gy * y).sum(axis=-1, keepdims=True))
        return (of_kernel(kernel, call.g, absolute, call.dtype, call.g[-1] + 4),)
