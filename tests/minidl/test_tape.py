"""Tests of the tape: the gradients of a backward pass, and its errors."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kernels.bounds import same_bits
from minidl import Tensor, backward, no_grad, rules
from minidl import functional as F

pytestmark = pytest.mark.quick

RNG = np.random.default_rng(0)


def leaf(*shape: int) -> Tensor:
    return Tensor(RNG.standard_normal(shape), True)


def small_network(x: Tensor, w: Tensor, v: Tensor) -> Tensor:
    """Convolution, ReLU and pooling, joined with a branch that uses x and w again."""
    y = F.max_pool2d(F.relu(F.conv2d(x, w, padding=1)), 2)
    return F.linear(F.flatten(y), v) + F.mean(x) * F.mean(w)


def network_and_leaves() -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    leaves = leaf(2, 2, 6, 6), leaf(3, 2, 3, 3), leaf(4, 27)
    return small_network(*leaves), leaves


def test_with_inputs_no_grad_is_touched() -> None:
    y, leaves = network_and_leaves()
    y.backward(RNG.standard_normal(y.shape), inputs=leaves[:1])
    assert all(t.grad is None for t in leaves)


@pytest.mark.parametrize("wanted", [(0,), (1,), (2,), (2, 0), (0, 1, 2)])
def test_with_inputs_the_gradients_are_those_of_the_full_walk(wanted: tuple[int, ...]) -> None:
    y, leaves = network_and_leaves()
    gy = RNG.standard_normal(y.shape)
    some = y.backward(gy, inputs=[leaves[i] for i in wanted])
    assert y.backward(gy) == ()
    grads = [leaves[i].grad for i in wanted]
    assert all(
        g is not None and same_bits(g.data, s.data) for g, s in zip(grads, some, strict=True)
    )


def test_only_what_leads_to_the_inputs_is_computed() -> None:
    asked: list[tuple[bool, ...]] = []

    def spy(node: Any, gy: Tensor, needs: tuple[bool, ...]) -> Any:
        asked.append(needs)
        return rules.gradient["conv2d"](node, gy, needs)

    y, (x, _, _) = network_and_leaves()
    y.backward(np.ones(y.shape), inputs=(x,), rules=rules.gradient.derive("spy", conv2d=spy))
    assert asked == [(True, False)]


def test_a_tensor_on_the_way_may_be_an_input_too() -> None:
    x, w = leaf(3), leaf(3)
    h = x * w
    gh, gx = backward(F.sum(h * h), inputs=(h, x))
    assert same_bits(gh.data, 2 * h.data)
    assert same_bits(gx.data, 2 * h.data * w.data)


@pytest.mark.parametrize("make", [lambda x: x, lambda x: x * 2.0])
def test_the_output_itself_may_be_an_input(make: Callable[[Tensor], Tensor]) -> None:
    y, gy = make(leaf(3)), RNG.standard_normal(3)
    (own,) = backward(y, gy, inputs=(y,))
    assert same_bits(own.data, gy)


def test_an_input_to_which_nothing_leads_has_the_gradient_zero() -> None:
    x, other = leaf(3), leaf(2, 2)
    (g,) = backward(F.sum(x), inputs=(other,))
    assert np.array_equal(g.data, np.zeros((2, 2)))


def test_gradients_of_several_walks_add_up() -> None:
    x = leaf(4)
    for cotangent in (np.array([1.0, 2, 3, 4]), np.array([10.0, 20, 30, 40])):
        (x * 3.0).backward(cotangent)
    assert x.grad is not None
    assert np.array_equal(x.grad.data, [33, 66, 99, 132])


def test_gradients_of_all_the_uses_of_a_tensor_add_up() -> None:
    x = Tensor(np.array([2.0, -3.0]), True)
    h = x * 5.0
    F.sum(h * h + h - x).backward()
    assert x.grad is not None
    assert np.array_equal(x.grad.data, 50 * x.data + 5 - 1)


def test_a_tensor_that_needs_no_gradient_gets_none() -> None:
    x, constant = leaf(3), Tensor(np.ones(3))
    F.sum(x * constant).backward()
    assert x.grad is not None
    assert constant.grad is None


def test_a_leaf_is_its_own_output() -> None:
    x = leaf(3)
    x.backward(np.array([1.0, 2, 3]))
    assert x.grad is not None
    assert np.array_equal(x.grad.data, [1, 2, 3])


def test_create_graph_gives_derivatives_of_every_order() -> None:
    x = Tensor(np.array(1.5), True)
    derivatives, y = [], x**5
    for _ in range(5):
        (y,) = backward(y, inputs=(x,), create_graph=True)
        derivatives.append(y.item())
    assert derivatives == [5 * 1.5**4, 20 * 1.5**3, 60 * 1.5**2, 120 * 1.5, 120]


def test_without_create_graph_the_gradients_are_off_the_tape() -> None:
    x = leaf(3)
    (g,) = backward(F.sum(x**3), inputs=(x,))
    assert not g.requires_grad


def test_under_no_grad_nothing_is_put_on_the_tape() -> None:
    x = leaf(3)
    with no_grad():
        assert not (x * 2.0).requires_grad
    assert (x * 2.0).requires_grad


def test_an_error_under_no_grad_does_not_leave_it_on() -> None:
    with pytest.raises(ZeroDivisionError), no_grad():
        raise ZeroDivisionError
    assert (leaf(3) * 2.0).requires_grad


def test_no_grad_holds_for_one_thread() -> None:
    recorded: list[bool] = []
    with no_grad():
        worker = threading.Thread(target=lambda: recorded.append((leaf(3) * 2.0).requires_grad))
        worker.start()
        worker.join()
    assert recorded == [True]


def test_a_change_in_place_after_the_forward_pass_is_refused() -> None:
    x, w = leaf(2, 3), leaf(3, 4)
    y = F.matmul(x, w)
    w.assign(np.zeros((3, 4)))
    with pytest.raises(RuntimeError, match=r"input 1 of matmul, shape \(3, 4\), was changed"):
        y.backward(np.ones((2, 4)))


def test_a_change_in_place_before_the_forward_pass_is_allowed() -> None:
    x = leaf(3)
    x.assign(np.array([1.0, 2, 3]))
    F.sum(x * x).backward()
    assert x.grad is not None
    assert np.array_equal(x.grad.data, [2, 4, 6])


def test_a_tape_of_ten_thousand_steps_needs_no_recursion() -> None:
    x = Tensor(np.array([1.0]), True)
    y = x
    for _ in range(10_000):
        y = y + x
    y.backward(np.array([1.0]))
    assert x.grad is not None
    assert x.grad.data == 10_001


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (lambda x, a: a * x, lambda x, a: a * x),
        (lambda x, a: a - x, lambda x, a: a - x),
        (lambda x, a: a / x, lambda x, a: a / x),
        (lambda x, a: a[0] + x, lambda x, a: a[0] + x),  # a NumPy scalar
        (lambda x, a: 2 - x, lambda x, a: 2 - x),
        (lambda x, a: -x, lambda x, a: -x),
        (lambda x, a: 1 / x**2, lambda x, a: 1 / x**2),
        (lambda x, a: x[None] @ x[:, None], lambda x, a: x[None] @ x[:, None]),
        (lambda x, a: x.T.reshape(3, 1).transpose().sum(), lambda x, a: np.asarray(x.sum())),
        (lambda x, a: x.mean(keepdims=True), lambda x, a: x.mean(keepdims=True)),
        (lambda x, a: x.relu(), lambda x, a: np.maximum(x, 0)),
    ],
)
def test_operators_mean_what_they_mean_for_arrays(
    expression: Callable[..., Tensor], expected: Callable[..., np.ndarray]
) -> None:
    x, a = np.array([1.0, -2, 4]), np.array([8.0, 16, 32])
    result = expression(Tensor(x, True), a)
    assert isinstance(result, Tensor)
    assert same_bits(result.data, np.asarray(expected(x, a)))
