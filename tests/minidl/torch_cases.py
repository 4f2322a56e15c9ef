"""Functions that PyTorch has too: the calls of both, and the bounds of their rounding.

A result is off by at most some units of eps times its majorant: the same formula with every term
made positive. For a function linear in each argument that is PyTorch's own, at absolute values. A
decreasing h(t) is replaced by h(2 t0 - t), reflected at the point t0 itself: the same value, and
derivatives of every order with the same magnitude, all positive if h is completely monotone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as T
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import DTypeLike

from kernels.verify.arrays import integers, normal, pairs, small
from minidl import functional as F

Draw = Callable[[st.SearchStrategy[Any]], Any]
shapes = st.lists(small(1, 3), max_size=3).map(tuple)


@dataclass(frozen=True)
class Case:
    """One call of both; `units` counts the roundings of the longest of all the chains in it."""

    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    arrays: Sequence[np.ndarray]
    units: float
    majorant: Callable[..., Any] | None = None
    at_magnitudes: bool = True  # True: the majorant is computed at the inputs' absolute values


CASES: dict[str, Callable[[Draw, np.random.Generator, DTypeLike], Case]] = {}


def case(*names: str) -> Any:
    """Decorator: register the drawing of a case for the functions of these names."""

    def decorate(build: Any) -> Any:
        CASES.update({name: functools.partial(build, name) for name in names})
        return build

    return decorate


def reflected(t: torch.Tensor) -> torch.Tensor:
    """t, falling where t rises."""
    return 2 * t.detach() - t


def broadcasting(draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> list[np.ndarray]:
    """Two arrays that broadcast, of halves, so that equal values meet."""
    shape = draw(shapes)
    other = tuple(draw(st.sampled_from([1, n])) for n in shape)[draw(small(0, len(shape))) :]
    arrays = [integers(shape, rng, dtype), integers(other, rng, dtype)]
    return [a / a.dtype.type(2) for a in (arrays if draw(st.booleans()) else arrays[::-1])]


def sizes(arrays: Sequence[np.ndarray]) -> int:
    """No sum has more terms than all of them together."""
    return sum(a.size for a in arrays)


@case("add", "subtract", "multiply")
def _binary(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    arrays = broadcasting(draw, rng, dtype)
    majorant = torch.add if name == "subtract" else None
    return Case(getattr(F, name), getattr(torch, name), arrays, sizes(arrays) + 4, majorant)


@case("divide")
def _divide(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    a, b = broadcasting(draw, rng, dtype)
    b = np.asarray(np.where(b >= 0, b + 0.5, b - 0.5), dtype)
    return Case(F.divide, torch.divide, [a, b], sizes([a, b]) + 8, lambda s, t: s / reflected(t))


@case("maximum", "minimum")
def _extremum(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    a, b = broadcasting(draw, rng, dtype)
    wins = torch.from_numpy(np.asarray((a > b if name == "maximum" else a < b) + 0.5 * (a == b)))
    return Case(
        getattr(F, name), getattr(torch, name), [a, b], sizes([a, b]) + 4,
        lambda s, t: wins * s + (1 - wins) * t,
    )  # fmt: skip


@case("where")
def _where(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    a, b = broadcasting(draw, rng, dtype)
    condition = rng.random(np.broadcast_shapes(a.shape, b.shape)) < 0.5
    chosen = torch.from_numpy(np.asarray(condition))
    return Case(
        functools.partial(F.where, condition), functools.partial(torch.where, chosen), [a, b],
        sizes([a, b]) + 4,
    )  # fmt: skip


@case("sum", "mean", "amax")
def _reduction(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    x = integers(draw(shapes.filter(len)), rng, dtype)
    axes = tuple(draw(st.lists(st.integers(0, x.ndim - 1), unique=True, min_size=1)))
    keepdims = draw(st.booleans())
    best = x == x.max(axis=axes, keepdims=True)
    share = torch.from_numpy(best / best.sum(axis=axes, keepdims=True))
    return Case(
        lambda t: getattr(F, name)(t, axes, keepdims),
        lambda t: getattr(torch, name)(t, dim=axes, keepdim=keepdims),
        [x], x.size + 4,
        (lambda t: (t * share).sum(axes, keepdim=keepdims)) if name == "amax" else None,
    )  # fmt: skip


@case("reshape", "flatten", "transpose", "getitem", "broadcast_to", "pad2d")
def _movement(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    shape = tuple(draw(st.lists(small(1, 3), min_size=4, max_size=4)))
    order, repeated = draw(st.permutations(range(4))), [0, shape[1] - 1, 0]
    top, bottom, left, right = draw(st.tuples(*[small(-1, 2)] * 4))
    assume(shape[2] + min(top, 0) + min(bottom, 0) > 0 < shape[3] + min(left, 0) + min(right, 0))
    ours, theirs = {
        "reshape": (lambda x: F.reshape(x, (-1, shape[0])), lambda x: x.reshape(-1, shape[0])),
        "flatten": (F.flatten, lambda x: x.flatten(1)),
        "transpose": (lambda x: F.transpose(x, order), lambda x: x.permute(order)),
        "getitem": (lambda x: x[:, np.array(repeated), :1], lambda x: x[:, repeated, :1]),
        "broadcast_to": (
            lambda x: F.broadcast_to(x, (2, *shape)),
            lambda x: torch.broadcast_to(x, (2, *shape)),
        ),
        "pad2d": (
            lambda x: F.pad2d(x, (top, bottom, left, right)),
            lambda x: T.pad(x, (left, right, top, bottom)),
        ),
    }[name]
    return Case(ours, theirs, [normal(shape, rng, dtype)], 4)


@case("concatenate", "stack")
def _joining(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    rows = [2, 2, 2] if name == "stack" else draw(st.lists(small(1, 3), min_size=3, max_size=3))
    axis = draw(st.sampled_from([0, 2, -1])) if name == "stack" else 1
    arrays = [normal((2, n), rng, dtype) for n in rows]
    return Case(
        lambda *t: getattr(F, name)(t, axis), lambda *t: getattr(torch, name)(t, axis), arrays, 4
    )


@case("matmul", "linear")
def _matmul(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    N, K, M = draw(small(1, 4)), draw(small(1, 4)), draw(small(1, 4))
    second = (K, M) if name == "matmul" else (M, K)
    more = [(M,)] if name == "linear" and draw(st.booleans()) else []
    arrays = [normal(shape, rng, dtype) for shape in ((N, K), second, *more)]
    return Case(getattr(F, name), getattr(torch if name == "matmul" else T, name), arrays,
                2 * (N + K + M) + 4)  # fmt: skip


@case("softmax", "log_softmax", "cross_entropy")
def _softmax(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    x = np.asarray(2 * rng.standard_normal(draw(pairs(1, 5))), dtype)
    labels = np.asarray(rng.integers(0, x.shape[1], x.shape[0]))

    def log_softmax(t: torch.Tensor) -> torch.Tensor:
        """x + log S, with log S as -log of S reflected: its derivatives are products of p."""
        exps = torch.exp(t - t.detach().amax(1, keepdim=True))
        log = torch.log(reflected(exps.sum(1, keepdim=True)))
        return t - log + (4 * t.abs().amax(1, keepdim=True) + 2 * log.abs() + 1).detach()

    def softmax(t: torch.Tensor) -> torch.Tensor:
        exps = torch.exp(t - t.detach().amax(1, keepdim=True))
        return exps / reflected(exps.sum(1, keepdim=True))

    ours, theirs, majorant = {
        "softmax": (lambda t: F.softmax(t, 1), lambda t: T.softmax(t, 1), softmax),
        "log_softmax": (lambda t: F.log_softmax(t, 1), lambda t: T.log_softmax(t, 1), log_softmax),
        "cross_entropy": (
            lambda t: F.cross_entropy(t, labels),
            lambda t: T.cross_entropy(t, torch.from_numpy(labels)),
            lambda t: log_softmax(t)[torch.arange(len(labels)), torch.from_numpy(labels)].mean(),
        ),
    }[name]
    # A probability is off by a relative eps times its exponent and the roundings of a sum of C.
    units = 3 * (4 * float(np.abs(x).max()) + sum(x.shape) + 8)
    return Case(ours, theirs, [x], units, majorant, at_magnitudes=False)
