"""Tests of the memory of gradients: each has its own, which may be written to."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.bounds import same_bits
from kernels.contract.arrays import emulated
from kernels.verify.arrays import rngs
from minidl import Tensor, nn, rules
from minidl import functional as F
from minidl.tensor import Node, record
from tests.minidl.differentiable import CASES

pytestmark = pytest.mark.usefixtures("one_thread")


def leaf(*shape: int, seed: int = 0) -> Tensor:
    return Tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


def check_apart(gradients: Any, *others: np.ndarray) -> None:
    """Every gradient may be written to, and has no byte in common with another array."""
    arrays = [g.data for g in gradients]
    assert all(a.flags.writeable for a in arrays)
    for a, b in combinations([*arrays, *others], 2):
        assert not np.shares_memory(a, b) or not any(a is each for each in arrays)


@pytest.mark.parametrize("name", sorted(CASES))
@given(data=st.data(), rng=rngs)
def test_gradients_of_every_function_are_apart(
    name: str, data: st.DataObject, rng: np.random.Generator
) -> None:
    function, arrays = CASES[name](data.draw, rng)
    inputs = [Tensor(a, requires_grad=True) for a in arrays]
    y = function(*inputs)
    gy = rng.standard_normal(y.shape)
    returned = y.backward(gy, inputs=[*inputs, *inputs[:1]])
    check_apart(returned, gy, y.data, *arrays)
    y.backward(gy)
    check_apart([t.grad for t in inputs], gy, y.data, *arrays, *(g.data for g in returned))
    assert all(same_bits(t.grad.data, g.data) for t, g in zip(inputs, returned, strict=False))  # type: ignore[union-attr]


STEPS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "one after the other": lambda a, b: F.concatenate([a, b], 0),
    "columns": lambda a, b: F.concatenate([a, b], 1),
    "stack": lambda a, b: F.stack([a, b]),
    "sums": lambda a, b: a.sum() + b.mean(0),
    "the tensor itself": lambda a, b: F.dropout(a, 0.0, seed=0, step=0) + nn.Identity()(b),
    "views": lambda a, b: a.transpose().reshape(-1)[::-1] + b.T.reshape(6),
    "broadcasts": lambda a, b: F.broadcast_to(a, (4, 2, 3)) + b,
    "one twice": lambda a, b: a + a + b,
}


@pytest.mark.parametrize("name", STEPS)
def test_gradients_of_views_are_apart(name: str) -> None:
    a, b = leaf(2, 3), leaf(2, 3, seed=1)
    y = STEPS[name](a, b)
    gy = np.random.default_rng(2).standard_normal(y.shape)
    for _ in range(2):  # the second time they are added to the first
        y.backward(gy)
        check_apart([a.grad, b.grad], gy, a.data, b.data)
    check_apart(y.backward(gy, inputs=(a, b, y, a)), gy, a.grad.data)  # type: ignore[union-attr]


def test_a_cotangent_as_a_tensor_is_not_the_gradient() -> None:
    x = leaf(3)
    gy = Tensor(np.ones(3))
    x.backward(gy)
    assert x.grad is not gy
    check_apart([x.grad], gy.data)


def test_a_gradient_is_not_the_array_that_a_rule_returned_from_its_node() -> None:
    def rule(node: Node, gy: Tensor, needs: Any) -> tuple[Tensor]:
        return (node.inputs[0],)

    table, x = rules.gradient.derive("mine", odd=rule), leaf(3)
    record("odd", x.data * 2, (x,)).backward(np.ones(3), rules=table)
    check_apart([x.grad], x.data)


@pytest.mark.parametrize("name", STEPS)
def test_gradients_on_the_tape_are_apart_and_stay_on_it(name: str) -> None:
    a, b = leaf(2, 3), leaf(2, 3, seed=1)
    y = STEPS[name](a * a, b * b)
    gy = Tensor(np.random.default_rng(2).standard_normal(y.shape), requires_grad=True)
    first = y.backward(gy, inputs=(a, b), create_graph=True)
    check_apart(first, gy.data)
    second = (first[0].sum() + first[1].sum()).backward(inputs=(a, b, gy))
    once = y.backward(gy, inputs=(a, b))
    for t, found, g in zip((a, b), second, once, strict=False):  # d/dt of 2 t d = 2 d = g / t
        assert np.allclose(found.data, g.data / t.data)
    assert np.abs(second[2].data).max() > 0


def test_a_cotangent_that_is_a_leaf_stays_reachable_from_the_gradient() -> None:
    a, b, gy = leaf(3), leaf(3, seed=1), leaf(3, seed=2)
    (a + b).backward(gy, create_graph=True)
    assert a.grad is not None
    check_apart([a.grad, b.grad], gy.data)
    (found,) = (a.grad * 3.0).backward(np.ones(3), inputs=gy)
    assert same_bits(found.data, np.full(3, 3.0))


def test_gradients_on_the_emulator_are_apart_too() -> None:
    a, b = (Tensor(emulated(np.ones((2, 3), np.float32)), requires_grad=True) for _ in range(2))
    gy = emulated(np.ones((2, 3), np.float32))
    (a + b).backward(gy)
    a.sum().backward()
    assert a.device == "emulator"
    check_apart([a.grad, b.grad], gy, a.data)


def test_a_gradient_that_is_alone_is_not_copied() -> None:
    """The gradient of a large weight costs no second pass over it."""
    made = []

    def rule(node: Node, gy: Tensor, needs: Any) -> tuple[Tensor]:
        made.append(Tensor(gy.data * 2))
        return (made[-1],)

    table, x = rules.gradient.derive("mine", odd=rule), leaf(3)
    record("odd", x.data * 2, (x,)).backward(np.ones(3), rules=table)
    assert x.grad is made[0]


def test_one_tensor_may_be_asked_for_without_a_list() -> None:
    x = leaf(2, 3)
    y = (x * 2.0).sum()
    (found,) = y.backward(inputs=x)
    assert same_bits(found.data, np.full((2, 3), 2.0))
    (generated,) = y.backward(inputs=(t for t in [x]))  # type: ignore[arg-type]
    assert same_bits(generated.data, found.data)


@pytest.mark.parametrize("inputs", [np.ones((2, 3)), "x", 3, {"x": None}, [None], [np.ones(2)]])
def test_inputs_that_are_no_tensors_are_refused(inputs: Any) -> None:
    x = leaf(2, 3)
    with pytest.raises(TypeError, match="backward: inputs must be tensors, got"):
        (x * 2.0).sum().backward(inputs=inputs)
    assert x.grad is None
