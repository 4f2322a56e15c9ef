"""Elementwise functions, reductions and products of batches that PyTorch has too; they fill CASES.

The magnitudes of an elementwise function are the sums of the absolute terms of its value, its
derivative and its second derivative, from which the bounds of its rounding follow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as T
from hypothesis import strategies as st
from numpy.typing import DTypeLike

from kernels.verify.arrays import integers, normal, small
from minidl import Tensor
from minidl import functional as F
from tests.minidl.differentiable_elements import factors
from tests.minidl.torch_cases import Case, Draw, broadcasting, case, shapes, sizes

Magnitudes = Callable[[np.ndarray], tuple[Any, Any, Any]]


@dataclass(frozen=True)
class Element:
    """One elementwise function: ours, PyTorch's, and the magnitudes of f, f' and f'' at x."""

    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    magnitudes: Magnitudes
    second: bool = True  # False: PyTorch has no second derivative
    least_eps: float = 0.0  # of PyTorch's constants


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)))


def _steps(x: np.ndarray) -> tuple[Any, Any, Any]:
    return np.abs(x), 0, 0


def _waves(x: np.ndarray) -> tuple[Any, Any, Any]:
    """The argument itself is rounded."""
    return 1 + np.abs(x), 1 + np.abs(x), 1 + np.abs(x)


def _bends(x: np.ndarray) -> tuple[Any, Any, Any]:
    """Pieces of lines and parabolas."""
    return np.abs(x) + 1, np.abs(x) + 1, 1


def _gates(x: np.ndarray) -> tuple[Any, Any, Any]:
    """x g(x) with a gate whose derivatives are bounded by those of the sigmoid."""
    a = np.abs(x)
    return a, 1 + a, 2 + 3 * a


def _cubic_gate(x: np.ndarray) -> tuple[Any, Any, Any]:
    a, inner = np.abs(x), np.abs(x) + 0.05 * np.abs(x) ** 3
    slope = 1 + 0.15 * a**2
    return (
        a * (1 + inner),
        (1 + inner) * (1 + a * slope),
        (1 + inner) * (slope + a) * (2 + a * slope),
    )


def _erf(x: np.ndarray) -> tuple[Any, Any, Any]:
    density = 2 / math.sqrt(math.pi) * np.exp(-x * x) * (1 + x * x)
    return 1, density, density * (1 + 2 * np.abs(x))


def _exponential(x: np.ndarray) -> tuple[Any, Any, Any]:
    t = np.exp(np.minimum(x, 0)) * (1 + np.abs(x))
    return 1 + np.abs(x), 1 + t, t


ELEMENTS: dict[str, Element] = {
    "abs": Element(F.abs, torch.abs, lambda x: (np.abs(x), 1, 0)),
    "clamp": Element(lambda t: F.clamp(t, -1, 2), lambda t: torch.clamp(t, -1, 2), _bends),
    "clamp min": Element(lambda t: F.clamp(t, min=1), lambda t: torch.clamp(t, min=1), _bends),
    "clamp max": Element(lambda t: F.clamp(t, max=1), lambda t: torch.clamp(t, max=1), _bends),
    "cos": Element(F.cos, torch.cos, _waves),
    "elu": Element(F.elu, T.elu, _exponential),
    "elu of a half": Element(lambda t: F.elu(t, 0.5), lambda t: T.elu(t, 0.5), _exponential),
    "erf": Element(F.erf, torch.erf, _erf),
    "floor": Element(F.floor, torch.floor, _steps),
    "gelu": Element(F.gelu, T.gelu, lambda x: (np.abs(x), 1 + np.abs(x), 2 + x * x)),
    "gelu by tanh": Element(
        lambda t: F.gelu(t, "tanh"), lambda t: T.gelu(t, approximate="tanh"), _cubic_gate
    ),
    "hardsigmoid": Element(F.hardsigmoid, T.hardsigmoid, _bends, False, 1e-7),
    "hardswish": Element(F.hardswish, T.hardswish, _bends),
    "leaky_relu": Element(F.leaky_relu, T.leaky_relu, _bends),
    "mish": Element(F.mish, T.mish, lambda x: tuple(2 * m for m in _gates(x))),
    "prelu": Element(
        lambda t: F.prelu(t, Tensor(np.array([0.3], t.dtype))),
        lambda t: T.prelu(t, torch.tensor([0.3], dtype=t.dtype)), _bends,
    ),
    "relu6": Element(F.relu6, T.relu6, _bends),
    "reciprocal": Element(
        F.reciprocal, torch.reciprocal,
        lambda x: (1 / np.abs(x), 1 / x**2, 2 / np.abs(x) ** 3),
    ),
    "round": Element(F.round, torch.round, _steps),
    "sign": Element(F.sign, torch.sign, _steps),
    "silu": Element(F.silu, T.silu, _gates),
    "sin": Element(F.sin, torch.sin, _waves),
    "softplus": Element(F.softplus, T.softplus, lambda x: (1 + np.abs(x), 1 + np.abs(x), 1)),
    "softplus, steep": Element(
        lambda t: F.softplus(t, 3.0, 10.0), lambda t: T.softplus(t, 3, 10),
        lambda x: (1 + np.abs(x), 1 + 3 * np.abs(x), 9),
    ),
}  # fmt: skip
"""By the function's name, and a word if it has several cases."""
COMPARED = {name.split()[0].rstrip(",") for name in ELEMENTS}
ONES_OF_ITS_OWN = {"argmax", "eq", "ge", "gt", "le", "lt", "ne"}
"""Functions without a derivative, compared in test_torch_elements.py."""


@case("amin")
def _amin(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    x = integers(draw(shapes.filter(len)), rng, dtype)
    axes = tuple(draw(st.lists(st.integers(0, x.ndim - 1), unique=True, min_size=1)))
    keepdim = draw(st.booleans())
    best = x == x.min(axis=axes, keepdims=True)
    share = torch.from_numpy(best / best.sum(axis=axes, keepdims=True))
    return Case(
        lambda t: F.amin(t, axes, keepdim), lambda t: torch.amin(t, axes, keepdim), [x],
        x.size + 4, lambda t: (t * share).sum(axes, keepdim=keepdim),
    )  # fmt: skip


@case("var")
def _var(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    shape = draw(st.lists(small(2, 3), min_size=1, max_size=3))
    dim = draw(st.sampled_from([tuple(range(len(shape))), (0,), (-1,)]))
    correction, keepdim = draw(small(0, 1)), draw(st.booleans())
    x = normal(shape, rng, dtype)
    count = math.prod(shape[i] for i in dim)

    def majorant(t: torch.Tensor) -> torch.Tensor:
        """The squares of sums where there were differences."""
        total = (t + t.mean(dim, keepdim=True)) ** 2
        return total.sum(dim, keepdim=keepdim) / (count - correction)

    return Case(
        lambda t: F.var(t, dim, bool(correction), keepdim),
        lambda t: torch.var(t, dim, correction=correction, keepdim=keepdim),
        [x], 2 * x.size + 12, majorant,
    )  # fmt: skip


@case("power of a tensor")
def _power(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    """a^b = e^(b log a), of terms up to 1.1 in absolute value, for a around 1.5."""
    a, b = broadcasting(draw, rng, dtype)
    a, b = np.asarray(1.5 + a / 16, dtype), np.asarray(b / 2, dtype)

    def majorant(s: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """The power of 2 s with an exponent larger by 2: all its derivatives are positive."""
        return torch.pow(2 * s, t + 2)

    return Case(F.power, torch.pow, [a, b], 8 * sizes([a, b]) + 32, majorant)


@case("matmul of batches")
def _matmul(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    arrays = [normal(shape, rng, dtype) for shape in factors(draw)]
    return Case(F.matmul, torch.matmul, arrays, 2 * sizes(arrays) + 4)


@case("linear of batches")
def _linear(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    arrays = [normal(shape, rng, dtype) for shape in ((*draw(shapes), 3), (2, 3), (2,))]
    return Case(F.linear, T.linear, arrays, 2 * sizes(arrays) + 4)
