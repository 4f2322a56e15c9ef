"""Geometry of an activation: which function of each element, its parameter, and the shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

FUNCTIONS = {
    "elu": 12,
    "erf": 25,
    "exp": 18,
    "gelu": 29,
    "gelu_tanh": 26,
    "hardsigmoid": 4,
    "hardswish": 5,
    "leaky_relu": 2,
    "mish": 24,
    "relu6": 2,
    "sigmoid": 20,
    "silu": 20,
    "tanh": 22,
}
"""The functions, and their operations an element, with the polynomials of vector code."""
WITH_PARAMETER = ("elu", "leaky_relu")


@dataclass(frozen=True)
class ActivationGeometry:
    """y = f(x) of every element of x.

    function: a name of `FUNCTIONS`; kernels/reference_elements.py has the formula of each.
    shape:    of x and y, of any number of axes.
    alpha:    ELU's alpha, the leaky ReLU's slope; 0 for functions without a parameter.
    """

    function: str
    shape: tuple[int, ...]
    alpha: float = 0.0

    @property
    def x_shape(self) -> tuple[int, ...]:
        return self.shape

    @property
    def operations(self) -> int:
        return FUNCTIONS[self.function] * math.prod(self.shape)

    @classmethod
    def of(
        cls, function: str, shape: Sequence[int], alpha: float | None = None
    ) -> ActivationGeometry:
        """The geometry; ValueError for an unknown function, or a parameter it has not."""
        if function not in FUNCTIONS:
            raise ValueError(f"activation: function is one of {[*FUNCTIONS]}, got {function!r}")
        if (alpha is not None) != (function in WITH_PARAMETER):
            has = "has a parameter alpha" if alpha is None else "has no parameter"
            raise ValueError(f"activation: {function} {has}, got alpha={alpha}")
        if alpha is not None and not math.isfinite(alpha):
            raise ValueError(f"activation: alpha of {function} must be finite, got {alpha}")
        return cls(function, tuple(int(n) for n in shape), float(alpha or 0))
