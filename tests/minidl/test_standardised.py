"""Tests of layer, group and instance normalisation: their error, their memory, their rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.bounds import eps, same_bits, within
from kernels.verify.arrays import normal, rngs, small
from minidl import Tensor, backward, nn, no_grad, rules
from minidl import functional as F

RNG = np.random.default_rng(0)
NORMS: dict[str, Callable[..., Tensor]] = {
    "layer": lambda x, *scales: F.layer_norm(x, x.shape[1:], *scales),
    "group": lambda x, *scales: F.group_norm(x, 2, *scales),
    "instance": lambda x, *scales: F.instance_norm(x, *scales),
}


def scales(norm: str, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shape = x.shape[1:] if norm == "layer" else x.shape[1:2]
    return normal(shape, RNG, x.dtype), normal(shape, RNG, x.dtype)


@given(shape=st.tuples(small(1, 3), small(2, 60)), offset=st.sampled_from([0.0, 1e3, -1e6]),
       dtype=st.sampled_from([np.float32, np.float64]), rng=rngs)  # fmt: skip
@settings(max_examples=40)
def test_the_error_is_that_of_a_rounded_mean(
    shape: tuple[int, int], offset: float, dtype: Any, rng: np.random.Generator
) -> None:
    """x - mean is off by roundings of the mean and one of itself; 1 / sigma by some eps, and by the
    square of the first. The sum is in float64, where it rounds as often as it has terms."""
    x = (rng.standard_normal(shape) + offset).astype(dtype)
    y = F.standardise(Tensor(x), (1,), 1e-5).data
    wide = x.astype(np.longdouble)
    mean = wide.mean(1, keepdims=True)
    sigma = np.sqrt(((wide - mean) ** 2).mean(1, keepdims=True) + np.longdouble(1e-5))
    expected = ((wide - mean) / sigma).astype(np.float64)
    roundings = 1 if dtype == np.float32 else shape[1] + 1
    shift = roundings * eps(dtype) * np.abs(mean) / sigma
    bound = shift + np.abs(expected) * (6 * eps(dtype) + shift**2)
    assert within(y, expected, bound.astype(np.float64))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_result_off_the_tape_has_the_bits_of_that_on_it(norm: str, dtype: Any) -> None:
    x = normal((2, 4, 3, 5), RNG, dtype)
    weight, bias = scales(norm, x)
    before = x.copy(), weight.copy(), bias.copy()
    recorded = NORMS[norm](Tensor(x, True), Tensor(weight, True), Tensor(bias, True))
    with no_grad():
        plain = NORMS[norm](Tensor(x, True), Tensor(weight, True), Tensor(bias, True))
    assert plain.dtype == dtype and same_bits(plain.data, recorded.data)
    assert all(map(same_bits, (x, weight, bias), before))


@pytest.mark.parametrize("table", [rules.deconvnet, rules.guided])
@pytest.mark.parametrize("norm", NORMS)
def test_the_deconvnet_passes_the_standardisation_and_transposes_the_scale(
    table: Any, norm: str
) -> None:
    """As a scale of channels after a normalisation that is passed through."""
    x, gy = Tensor(normal((2, 4, 3, 5), RNG, "f8"), True), normal((2, 4, 3, 5), RNG, "f8")
    weight, bias = scales(norm, x.data)
    (g,) = backward(NORMS[norm](x, Tensor(weight), Tensor(bias)), gy, inputs=(x,), rules=table)
    along = weight if norm == "layer" else weight.reshape(-1, 1, 1)  # (C,) -> (C,1,1)
    assert same_bits(g.data, gy * along)
    (true,) = backward(NORMS[norm](x, Tensor(weight), Tensor(bias)), gy, inputs=(x,))
    assert not np.allclose(true.data, g.data)


@pytest.mark.parametrize("norm", NORMS)
def test_the_gradient_of_one_pass_is_that_of_the_formula(norm: str) -> None:
    """Both are sums of 60 terms at most, of gradients and results below 10, over a sigma near 1."""
    x, gy = Tensor(RNG.standard_normal((2, 4, 3, 5)), True), RNG.standard_normal((2, 4, 3, 5))
    fused, composed = (
        backward(NORMS[norm](x), gy, inputs=(x,), create_graph=again)[0].data
        for again in (False, True)
    )
    assert within(fused, composed, 60 * 100 * eps(np.float64))


def test_a_constant_row_gives_zeros_and_a_finite_gradient() -> None:
    x = Tensor(np.full((2, 8), 3.7, np.float32), True)
    y = F.layer_norm(x, 8)
    assert not y.data.any()
    (g,) = backward(y, normal((2, 8), RNG, np.float32), inputs=(x,))
    assert np.isfinite(g.data).all()


def test_layers_have_pytorchs_parameters() -> None:
    layers = {
        "ln": nn.LayerNorm((3, 4)), "gn": nn.GroupNorm(2, 4), "in": nn.InstanceNorm2d(4),
        "bare": nn.LayerNorm(4, elementwise_affine=False), "weight": nn.LayerNorm(4, bias=False),
    }  # fmt: skip
    shapes = {
        f"{name}.{key}": p.shape for name, m in layers.items() for key, p in m.named_parameters()
    }
    assert shapes == {
        "ln.weight": (3, 4), "ln.bias": (3, 4), "gn.weight": (4,), "gn.bias": (4,),
        "weight.weight": (4,),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: F.layer_norm(x, (4, 5)), r"\(4, 5\) must be the last sizes of x \(2, 4, 3, 5\)"),
        (lambda x: F.group_norm(x, 3), r"3 must divide the channels of \(2, 4, 3, 5\)"),
        (lambda x: F.instance_norm(F.narrow(F.narrow(x, 2, 0, 1), 3, 0, 1)), "one element"),
        (lambda x: F.layer_norm(x, 5, Tensor(np.ones(4))), r"weight \(4,\) .*must be \(5,\)"),
        (lambda x: F.group_norm(x, 2, eps=-1), "eps must be a number from 0 on, got -1"),
        (lambda x: nn.GroupNorm(2, 6)(x), r"must be \(N, 6, ...\), got \(2, 4, 3, 5\)"),
    ],
)
def test_what_does_not_fit_is_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(Tensor(normal((2, 4, 3, 5), RNG, "f8")))
