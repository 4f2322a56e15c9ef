"""Drawn calls of elementwise functions, reductions and products of batches; they fill CASES."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.verify.arrays import apart, small, standard
from minidl import functional as F
from tests.minidl.differentiable import CASES, Case, Draw, case, kinked, pairwise, shapes, smooth

COMPARISONS = {"eq", "ge", "gt", "le", "lt", "ne"}
NOT_DIFFERENTIABLE = {"argmax", *COMPARISONS}
CASES |= {name: smooth(getattr(F, name)) for name in ("cos", "erf", "mish", "silu", "sin")}
CASES |= {"reciprocal": smooth(F.reciprocal, 0.5)}
# `apart` has odd multiples of an eighth: none of these functions' kinks and steps, at integers.
CASES |= {name: kinked(getattr(F, name)) for name in ("abs", "floor", "hardswish", "relu6", "sign")}
CASES |= {"round": kinked(lambda x: F.round(x + 0.5))}


@case("gelu")
def _gelu(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    form = draw(st.sampled_from(["none", "tanh"]))
    return lambda x: function(x, form), [standard(draw(shapes), rng)]


@case("softplus")
def _softplus(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    beta, threshold = draw(st.sampled_from([(1, 20), (2.0, 1.5), (0.5, 0.0)]))
    x = np.asarray(apart(draw(shapes), rng))  # none at the threshold
    return lambda t: function(t, beta, threshold), [x]


@case("elu", "leaky_relu")
def _sloped(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    return lambda x: function(x, 0.3), [apart(draw(shapes), rng)]


@case("hardsigmoid")
def _hardsigmoid(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    numbers = draw(st.sampled_from([(), (0.2, 0.5), (1.0, 0.25)]))
    x = np.asarray(rng.choice([-4.1, -3.2, -2.1, -0.1, 0.3, 0.7, 1.9, 3.1], draw(shapes)))
    return lambda t: function(t, *numbers), [x]


@case("prelu")
def _prelu(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    shape = draw(st.lists(small(1, 3), min_size=1, max_size=4))
    slopes = draw(st.sampled_from([(1,), tuple(shape[1:2]) or (1,)]))
    return function, [apart(shape, rng), standard(slopes, rng)]


@case("clamp")
def _clamp(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    kind = draw(st.sampled_from(["numbers", "min", "max", "tensors", "tensor and number"]))
    x = apart(draw(shapes), rng)
    if kind == "numbers":
        return lambda t: function(t, -1.0, 1.0), [x]
    if kind in ("min", "max"):
        return lambda t: function(t, **{kind: 0.5}), [x]
    bounds = [np.asarray(x.mean() - 0.05), np.asarray(rng.permutation(x.reshape(-1))[0] + 0.06)]
    if kind == "tensors":
        return function, [x, *bounds]
    return lambda t, low: function(t, low, 0.5), [x, bounds[0]]


@case("var")
def _var(function: Any, draw: Draw, rng: np.random.Generator) -> Case:
    shape = draw(st.lists(small(2, 3), min_size=1, max_size=3))
    axes = draw(st.sampled_from([None, 0, (0, len(shape) - 1) if len(shape) > 1 else -1]))
    unbiased, keepdim = draw(st.booleans()), draw(st.booleans())
    return lambda x: function(x, axes, unbiased, keepdim), [standard(shape, rng)]


def _matmul_of_batches(draw: Draw, rng: np.random.Generator) -> Case:
    return F.matmul, [standard(shape, rng) for shape in factors(draw)]


def factors(draw: Draw) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes of two factors: vectors, matrices, batches that broadcast."""
    M, N, K = draw(small(1, 3)), draw(small(1, 3)), draw(small(1, 3))
    batch = tuple(draw(st.lists(small(1, 3), max_size=2)))
    other = tuple(draw(st.sampled_from([1, n])) for n in batch)[draw(small(0, len(batch))) :]
    left, right = (batch, other) if draw(st.booleans()) else (other, batch)
    a = (K,) if not left and draw(st.booleans()) else (*left, M, K)
    b = (K,) if not right and draw(st.booleans()) else (*right, K, N)
    return a, b


CASES["matmul of batches"] = _matmul_of_batches
CASES["power of a tensor"] = lambda draw, rng: (
    F.power, [a / 4 for a in pairwise(F.power)(draw, rng)[1]]
)  # fmt: skip
CASES["linear of batches"] = lambda draw, rng: (
    F.linear, [standard((*draw(shapes), 3), rng), standard((2, 3), rng), standard((2,), rng)]
)  # fmt: skip
CASES["softmax of several axes"] = lambda draw, rng: (
    lambda x: F.softmax(x, dim=1), [standard((2, 3, 2), rng)]
)  # fmt: skip
