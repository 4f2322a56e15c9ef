"""Tests of every differentiable function against finite differences, and of the check itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.verify.arrays import rngs
from minidl import Tensor, check_vjp, rules
from minidl import functional as F
from minidl.gradient_check import VjpCheck
from minidl.tensor import Node, record
from tests.minidl import (
    differentiable_elements,
    differentiable_habits,
    differentiable_moves,  # noqa: F401  (fills CASES)
    differentiable_names,  # noqa: F401
)
from tests.minidl.differentiable import CASES

pytestmark = pytest.mark.usefixtures("one_thread")
NOT_DIFFERENTIABLE = {
    "dropout_mask",
    *differentiable_elements.NOT_DIFFERENTIABLE,
    *differentiable_habits.NOT_DIFFERENTIABLE,
}
POINT = np.array([0.5, 1.5, -2.0])


def test_every_public_function_has_a_case() -> None:
    # A case of a second form of a function has several words as its name.
    named = {name for name in CASES if name.isidentifier()}
    assert named | NOT_DIFFERENTIABLE == set(F.__all__)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", sorted(CASES))
@given(data=st.data(), rng=rngs)
def test_backward_agrees_with_finite_differences(
    name: str, order: int, data: st.DataObject, rng: np.random.Generator
) -> None:
    function, arrays = CASES[name](data.draw, rng)
    check_vjp(function, *arrays, rng=rng, order=order)


@pytest.mark.parametrize("order", [1, 2])
def test_check_vjp_returns_what_it_compared(order: int) -> None:
    found = check_vjp(lambda x: x**3, POINT, rng=np.random.default_rng(0), order=order)
    assert found.passed
    assert abs(found.analytic) > 1000 * found.bound


def test_check_vjp_catches_a_forgotten_term() -> None:
    with pytest.raises(AssertionError, match=r"order 1\): backward gives"):
        check_vjp(lambda x: x * x * x.detach(), POINT, rng=np.random.default_rng(0))


def test_check_vjp_catches_a_rule_that_is_right_once_but_not_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def rule(node: Node, gy: Tensor, needs: tuple[bool, ...]) -> tuple[Tensor]:
        return (gy * (3 * node.inputs[0].data ** 2),)  # an array: the tape forgets x

    def cube(x: Tensor) -> Tensor:
        return record("cube", x.data**3, (x,))

    monkeypatch.setitem(rules.gradient._rows, "cube", rule)
    assert check_vjp(cube, POINT, rng=np.random.default_rng(0)).passed
    with pytest.raises(AssertionError, match=r"order 2\): backward gives"):
        check_vjp(cube, POINT, rng=np.random.default_rng(0), order=2)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_check_vjp_rejects_what_is_not_finite(bad: float) -> None:
    with np.errstate(invalid="ignore"), pytest.raises(AssertionError, match="finite differences"):
        check_vjp(lambda x: x * bad, POINT, rng=np.random.default_rng(0))


@pytest.mark.parametrize("numbers", [(np.nan, 1, 1), (1, np.nan, 1), (1, 1, np.nan)])
def test_a_comparison_with_nan_does_not_pass(numbers: tuple[float, float, float]) -> None:
    assert not VjpCheck(*numbers).passed


def test_check_vjp_refuses_float32() -> None:
    with pytest.raises(TypeError, match=r"needs float64, got .*float32"):
        check_vjp(F.exp, POINT.astype(np.float32), rng=np.random.default_rng(0))


@pytest.mark.parametrize("order", [0, 3])
def test_check_vjp_knows_two_orders(order: int) -> None:
    with pytest.raises(ValueError, match=f"must be 1 or 2, got {order}"):
        check_vjp(F.exp, POINT, rng=np.random.default_rng(0), order=order)
