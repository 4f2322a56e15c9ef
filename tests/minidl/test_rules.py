"""Tests of backward passes with other tables of rules, and of both rules of each normalisation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kernels import pick
from kernels.bounds import rounding, same_bits, within
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from kernels.verify.arrays import integers, normal, pairs, rngs, small
from kernels.verify.calls import Call
from kernels.verify.contrast_bounds import ContrastBounds
from kernels.verify.operations.normalisation import ContrastNorm
from minidl import Tensor, backward, rules
from minidl import functional as F

pytestmark = pytest.mark.usefixtures("one_thread")
RNG, SHAPE = np.random.default_rng(0), (2, 3, 5, 5)


@given(rng=rngs)
def test_the_deconvnet_rectifies_what_comes_from_above(rng: np.random.Generator) -> None:
    x, gy = integers((3, 4), rng, np.float64), integers((3, 4), rng, np.float64)
    inputs = (Tensor(x, True),)
    (g,) = backward(F.relu(inputs[0]), gy, inputs=inputs, rules=rules.deconvnet)
    assert np.array_equal(g.data, np.maximum(gy, 0))


@given(rng=rngs)
def test_guided_backpropagation_rectifies_both_ways(rng: np.random.Generator) -> None:
    x, gy = integers((3, 4), rng, np.float64), integers((3, 4), rng, np.float64)
    inputs = (Tensor(x, True),)
    (g,) = backward(F.relu(inputs[0]), gy, inputs=inputs, rules=rules.guided)
    assert np.array_equal(g.data, np.maximum(gy, 0) * (x > 0))


@pytest.mark.parametrize("table", [rules.deconvnet, rules.guided])
@pytest.mark.parametrize("norm", [F.local_contrast_norm, F.local_response_norm])
def test_the_deconvnet_passes_normalisation_through(table: Any, norm: Any) -> None:
    x, gy = Tensor(RNG.standard_normal(SHAPE), True), RNG.standard_normal(SHAPE)
    (g,) = backward(norm(x), gy, inputs=(x,), rules=table)
    assert same_bits(g.data, gy)


@given(rng=rngs)
def test_the_deconvnet_unpools_rectifies_and_filters_with_the_transpose(
    rng: np.random.Generator,
) -> None:
    x, w = Tensor(integers((2, 2, 9, 9), rng, np.float64), True), integers((3, 2, 3, 3), rng, "f8")
    bias = Tensor(integers((3,), rng, np.float64))
    rectified = F.relu(F.conv2d(x, Tensor(w), bias, 2, 1))
    y, switches = F.max_pool2d(rectified, 3, 2, 1, return_switches=True)
    top = integers(y.shape, rng, np.float64)
    (projected,) = backward(y, top, inputs=(x,), rules=rules.deconvnet)
    unpooled = F.max_unpool2d(Tensor(top), switches, rectified.shape)
    by_hand = F.conv_transpose2d(F.relu(unpooled), Tensor(w), None, 2, 1)
    assert np.array_equal(projected.data, by_hand.data)


def test_an_operation_without_a_rule_is_named() -> None:
    empty = rules.Rules("empty", None, relu=rules.rectify_from_above)
    x = Tensor(np.ones(3), True)
    with pytest.raises(KeyError, match=r"no rule for 'exp'; known: relu"):
        backward(F.exp(x), np.ones(3), inputs=(x,), rules=empty)


def both_gradients(function: Callable[[Tensor], Tensor], x: np.ndarray, gy: np.ndarray) -> Any:
    """The gradient by the fused kernel, and by the composed formula of `create_graph`."""
    t = Tensor(x, True)
    return [backward(function(t), gy, inputs=(t,), create_graph=c)[0].data for c in (False, True)]


@given(shape=st.tuples(small(1, 2), small(1, 6), small(1, 3), small(1, 3)), size=small(1, 5),
       beta=st.sampled_from([0.5, 0.75]), rng=rngs)  # fmt: skip
def test_the_fused_gradient_of_response_normalisation_is_the_composed_one(
    shape: tuple[int, int, int, int], size: int, beta: float, rng: np.random.Generator
) -> None:
    x, gy, alpha, k = normal(shape, rng, "f8"), normal(shape, rng, "f8"), 0.5, 1.5
    g = LRNGeometry.of(shape, size, alpha, beta, k)
    fused, composed = both_gradients(
        lambda t: F.local_response_norm(t, size, alpha, beta, k), x, gy
    )
    offset = np.arange(g.C)[None, :] - np.arange(g.C)[:, None]
    band = ((offset >= -g.before) & (offset <= g.after)).astype(np.float64)
    t = k + alpha / size * np.einsum("dc,nchw->ndhw", band, x * x)
    ratios = np.einsum("cd,nchw->ndhw", band, np.abs(gy * x) / t ** (beta + 1))
    absolute = np.abs(gy) / t**beta + 2 * alpha * beta / size * np.abs(x) * ratios
    # t is off by C + 3 roundings, its powers by at most twice that, the outer sum by C + 8.
    assert within(fused, composed, 2 * rounding(3 * g.C + 16, absolute, np.float64))


@settings(max_examples=15)
@given(shape=st.tuples(small(1, 2), small(2, 4), small(2, 5), small(2, 5)), rng=rngs,
       border=st.sampled_from(["corrected", "zero"]), floor=st.sampled_from([1e-4, 10.0]),
       size=st.sampled_from([1, 3, 5]))  # fmt: skip
def test_the_fused_gradient_of_contrast_normalisation_is_the_composed_one(
    shape: tuple[int, int, int, int], rng: Any, border: str, floor: float, size: int
) -> None:
    x, gy = rng.standard_normal(shape), rng.standard_normal(shape)
    g = LCNGeometry.of(shape, size, 1.5, border, floor)
    kernel, parts = pick("local_contrast_norm_vjp", "cpu", g), ContrastBounds(x, g)
    unit = ContrastNorm.unit(kernel, Call(kernel.operation, g, {"gy": gy, "x": x}))
    assume(parts.gap() > 8 * unit * parts.largest.max())  # at a tie the derivative jumps
    fused, composed = both_gradients(
        lambda t: F.local_contrast_norm(t, size, 1.5, border, floor), x, gy
    )
    assert within(fused, composed, parts.vjp_bound(gy, unit))


@given(shape=pairs(1, 4), rng=rngs)
def test_flat_contrast_has_finite_gradients_of_both_kinds(
    shape: tuple[int, int], rng: np.random.Generator
) -> None:
    x, gy = np.full((1, 2, *shape), 0.5), rng.standard_normal((1, 2, *shape))
    assert all(np.isfinite(g).all() for g in both_gradients(F.local_contrast_norm, x, gy))
