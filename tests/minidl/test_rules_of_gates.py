"""Tests of the rules of rectifiers, gates and quotients: deconvnet and guided backpropagation."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special
from hypothesis import given

from kernels.bounds import rounding, within
from kernels.verify.arrays import rngs, standard
from minidl import Tensor, backward, rules
from minidl import functional as F

pytestmark = pytest.mark.usefixtures("one_thread")
BOTH = [rules.deconvnet, rules.guided]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(scipy.special.expit(x))


GATED: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[np.ndarray], Any]]] = {
    "silu": (F.silu, sigmoid),
    "gelu": (F.gelu, scipy.special.ndtr),
    "gelu by tanh": (
        lambda x: F.gelu(x, "tanh"),
        lambda x: (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
    ),
    "mish": (F.mish, lambda x: np.tanh(np.log1p(np.exp(x)))),
    "hardswish": (F.hardswish, lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    "softplus": (F.softplus, sigmoid),
    "steep softplus": (lambda x: F.softplus(x, 2.0), lambda x: sigmoid(2 * x)),
    "relu6": (F.relu6, lambda x: (x > 0) & (x < 6)),
    "clip from 0": (lambda x: F.clip(x, 0, 2), lambda x: (x > 0) & (x <= 2)),
}
"""Rectifiers and their gates."""


def projected(y: Tensor, gy: np.ndarray, table: rules.Rules, *inputs: Tensor) -> list[np.ndarray]:
    return [g.data for g in backward(y, Tensor(gy), inputs=inputs, rules=table)]


@pytest.mark.parametrize("name", GATED)
@given(rng=rngs)
def test_smooth_rectifiers_rectify_what_comes_from_above(
    name: str, rng: np.random.Generator
) -> None:
    function, gate = GATED[name]
    x, gy = Tensor(2 * standard((3, 5), rng), True), standard((3, 5), rng)
    (g,) = projected(function(x), gy, rules.deconvnet, x)
    assert np.array_equal(g, np.maximum(gy, 0))
    (g,) = projected(function(x), gy, rules.guided, x)
    expected = np.maximum(gy, 0) * gate(x.data)
    assert within(g, expected, rounding(32, np.abs(gy), np.float64))


@pytest.mark.parametrize("name", GATED)
def test_a_rectified_signal_changes_its_sign_at_no_rectifier(name: str) -> None:
    x = Tensor(np.linspace(-8, 8, 65), True)
    for table in BOTH:
        (g,) = projected(GATED[name][0](x), np.ones(65), table, x)
        assert (g >= 0).all()


@pytest.mark.parametrize("bounds", [(-1.0, 1.0), (0.0, 0.0), (1.0, 2.0)])
def test_another_clip_has_its_derivative(bounds: tuple[float, float]) -> None:
    x, gy = Tensor(np.array([-2.0, -0.5, 0.5, 1.5]), True), np.array([1.0, -1.0, -2.0, 3.0])
    for table in BOTH:
        (g,) = projected(F.clip(x, *bounds), gy, table, x)
        assert np.array_equal(g, projected(F.clip(x, *bounds), gy, rules.gradient, x)[0])


MOVES: dict[str, Callable[[Tensor], Tensor]] = {
    "as it is": lambda g: g,
    "reshaped": lambda g: F.reshape(F.reshape(g, (2, 3)), (2, 3, 1, 1)),
    "broadcast": lambda g: F.broadcast_to(g, (2, 3, 4, 4)),
    "transposed": lambda g: F.transpose(F.transpose(g, (1, 0, 3, 2)), (1, 0, 3, 2)),
    "sliced": lambda g: g[:, :, :1],
}


@pytest.mark.parametrize("table", BOTH, ids=repr)
@pytest.mark.parametrize("gating", [F.sigmoid, F.hardsigmoid, lambda x: F.softmax(x, 1)])
@pytest.mark.parametrize("move", MOVES)
def test_the_gate_of_squeeze_and_excitation_is_held_constant(
    move: str, gating: Callable[[Tensor], Tensor], table: rules.Rules
) -> None:
    rng = np.random.default_rng(0)
    x, gy = Tensor(standard((2, 3, 4, 4), rng), True), standard((2, 3, 4, 4), rng)
    gate = MOVES[move](gating(F.mean(x, (2, 3), True)))
    for y in (x * gate, gate * x):
        assert np.array_equal(projected(y, gy, table, x)[0], gy * gate.data)
    assert not np.array_equal(projected(x * gate, gy, rules.gradient, x)[0], gy * gate.data)


@pytest.mark.parametrize("table", BOTH, ids=repr)
def test_attention_projects_to_the_values_alone(table: rules.Rules) -> None:
    rng = np.random.default_rng(0)
    q, k, v = (Tensor(standard((2, 3, 5, 4), rng), True) for _ in range(3))
    weights = F.softmax(F.matmul(q, F.transpose(k, (0, 1, 3, 2))) * 0.5)
    y, gy = F.matmul(weights, v), standard((2, 3, 5, 4), rng)
    gq, gk, gv = projected(y, gy, table, q, k, v)
    assert not gq.any() and not gk.any()
    # (2,3,5,5) x (2,3,5,4) -> (2,3,5,4)
    expected = np.matmul(weights.data.swapaxes(2, 3), gy)
    assert within(gv, expected, rounding(16, np.abs(expected) + np.abs(gy).max(), np.float64))
    assert projected(y, gy, rules.gradient, q)[0].any()


@pytest.mark.parametrize("table", BOTH, ids=repr)
@pytest.mark.parametrize("last", [F.sigmoid, F.softmax, F.hardsigmoid, F.log_softmax, F.tanh])
def test_what_multiplies_nothing_is_no_gate(
    last: Callable[[Tensor], Tensor], table: rules.Rules
) -> None:
    rng = np.random.default_rng(0)
    x, gy = Tensor(standard((2, 5), rng), True), standard((2, 5), rng)
    (g,) = projected(last(x), gy, table, x)
    assert np.array_equal(g, projected(last(x), gy, rules.gradient, x)[0]) and g.any()


@pytest.mark.parametrize("table", BOTH, ids=repr)
@pytest.mark.parametrize(
    "product",
    [lambda a, b: a * b, F.matmul, lambda a, b: F.sigmoid(a) * F.sigmoid(b)],
    ids=["elementwise", "matrices", "two gates"],
)
def test_other_products_have_their_gradient(
    product: Callable[[Tensor, Tensor], Tensor], table: rules.Rules
) -> None:
    rng = np.random.default_rng(0)
    a, b = (Tensor(standard((4, 4), rng), True) for _ in range(2))
    y, gy = product(a, b), standard((4, 4), rng)
    found, expected = (projected(y, gy, t, a, b) for t in (table, rules.gradient))
    assert all(map(np.array_equal, found, expected))


@pytest.mark.parametrize("table", BOTH, ids=repr)
def test_the_divisor_of_a_quotient_is_held_constant(table: rules.Rules) -> None:
    rng = np.random.default_rng(0)
    x, gy = Tensor(standard((2, 6), rng), True), standard((2, 6), rng)
    deviation = F.sqrt(F.var(x, 1, False, True) + 1e-5)
    (g,) = projected(x / deviation, gy, table, x)
    assert np.array_equal(g, gy / deviation.data)
    (g,) = projected(1.0 / x, gy, table, x)  # without a dividend on the tape: the derivative
    assert within(g, -gy / x.data**2, rounding(8, np.abs(gy) / x.data**2, np.float64))


def test_the_page_of_rules_names_every_row_that_a_table_replaces() -> None:
    page = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8").lower()
    words = {
        "multiply": "signal times gate", "matmul": "attention's weights times values",
        "divide": "a quotient", "standardise": "layer, group, instance normalisation",
        "local_contrast_norm": "local contrast", "local_response_norm": "local response",
        "clip": "a clip from 0 up", "batch_norm": "batch normalisation",
    }  # fmt: skip
    for table in BOTH:
        for row in table._rows:
            assert f"{words.get(row, row)}" in page, row
