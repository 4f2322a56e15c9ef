"""Tests of a user's rules at fused layers: they get the operands of the calls one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels.bounds import same_bits
from minidl import Tensor, exact, nn, rules
from minidl.tensor import Node

pytestmark = pytest.mark.usefixtures("one_thread")
Needs = tuple[bool, ...]


def network(*kinds: type[nn.Module]) -> nn.Sequential:
    conv = nn.Conv2d(2, 3, 3, padding=1, rng=np.random.default_rng(0))
    conv.bias = nn.Parameter(np.random.default_rng(1).standard_normal(3).astype(np.float32))
    pool = {"p": nn.MaxPool2d(2)} if nn.MaxPool2d in kinds else {}
    return nn.Sequential(c=conv, r=nn.ReLU(), **pool)


def average(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    """Unpool evenly."""
    return (Tensor(np.repeat(np.repeat(gy.data / 4, 2, 2), 2, 3)),)


def leaky(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (Tensor(np.where(node.inputs[0].data < 0, 0.1 * gy.data, gy.data).astype(np.float32)),)


def times_input(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (gy * node.inputs[0],)


def nothing(node: Node, gy: Tensor, needs: Needs) -> tuple[None]:
    return (None,)


def epsilon(node: Node, gy: Tensor, needs: Needs) -> Any:
    """A rule of a convolution that reads the values of its inputs."""
    return [None if g is None else g * 2.0 for g in rules.gradient["conv2d"](node, gy, needs)]


TABLES = [
    rules.gradient.derive("mine", **rows)
    for rows in (
        {"max_pool2d": average}, {"relu": leaky}, {"relu": times_input}, {"relu": nothing},
        {"max_pool2d": average, "relu": leaky}, {"conv2d": epsilon},
        {"conv2d": epsilon, "relu": leaky}, {"relu": rules.rectify_from_above},
        {"max_pool2d": average, "relu": rules.rectify_both_ways},
    )
]  # fmt: skip


def both_ways(net: nn.Sequential, table: Any, **options: Any) -> list[list[np.ndarray]]:
    """The cotangents of the image and all parameters, fused and layer by layer."""
    found, rng = [], np.random.default_rng(3)
    x0 = rng.standard_normal((2, 2, 8, 8), np.float32)
    shape = net(Tensor(x0)).shape
    gy = rng.standard_normal(shape, np.float32)
    for walk in (net, lambda x: net.activations(x)[net.output]):
        x = Tensor(x0, requires_grad=True)
        wanted = [x, *net.parameters()]
        made = walk(x).backward(gy, rules=table, inputs=wanted, **options)
        found.append([g.data for g in made])
    return found


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("kinds", [(), (nn.MaxPool2d,)])
@pytest.mark.parametrize("table", TABLES, ids=lambda table: "-".join(table._rows))
def test_a_users_rule_gives_the_same_fused_and_layer_by_layer(
    table: Any, kinds: Any, create_graph: bool
) -> None:
    fused, apart = both_ways(network(*kinds), table, create_graph=create_graph)
    assert all(np.allclose(a, b, rtol=1e-5, atol=1e-5) for a, b in zip(fused, apart, strict=True))


@pytest.mark.parametrize("row", ["relu", "max_pool2d"])
def test_a_rule_gets_the_operands_that_it_has_without_fusion(row: str) -> None:
    seen: list[Any] = []

    def look(node: Node, gy: Tensor, needs: Needs) -> Any:
        seen.append((node, gy.data.copy()))
        return rules.gradient[row](node, gy, needs)

    table = rules.gradient.derive("mine", **{row: look})
    with exact():  # the forward pass alone: its kernel is used again outside
        both_ways(network(nn.MaxPool2d), table)
    (fused, gy), (apart, other) = seen
    assert fused.operation == apart.operation == row
    assert same_bits(gy, other) and fused.saved.keys() == apart.saved.keys()
    assert len(fused.inputs) == len(apart.inputs) == 1
    assert same_bits(fused.inputs[0].data, apart.inputs[0].data)
    assert fused.inputs[0].data.min() < 0 or row == "max_pool2d"


def test_a_rule_set_in_the_gradients_own_table_is_not_bypassed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for row, rule in (("relu", leaky), ("max_pool2d", average)):
        monkeypatch.setitem(rules.gradient._rows, row, rule)
    for table in (rules.gradient, rules.guided, rules.deconvnet):
        fused, apart = both_ways(network(nn.MaxPool2d), table)
        assert all(
            np.allclose(a, b, rtol=1e-5, atol=1e-5) for a, b in zip(fused, apart, strict=True)
        )


def test_a_rule_that_guided_backpropagation_calls_is_not_bypassed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its own row is that of the table; the gradient's, which it calls, gets the whole planes."""
    seen: list[np.ndarray] = []

    def look(node: Node, gy: Tensor, needs: Needs) -> Any:
        seen.append(node.inputs[0].data.copy())
        return leaky(node, gy, needs)

    monkeypatch.setitem(rules.gradient._rows, "relu", look)
    both_ways(network(nn.MaxPool2d), rules.guided)
    fused, apart = seen
    assert np.allclose(fused, apart, rtol=1e-5, atol=1e-5)
    assert fused.min() < 0


def test_the_kernel_of_the_forward_pass_makes_the_operands_again() -> None:
    names: list[Any] = []

    def look(node: Node, gy: Tensor, needs: Needs) -> Any:
        names.append(node.inputs[0].data.copy())
        return rules.gradient["relu"](node, gy, needs)

    net, table = network(nn.MaxPool2d), rules.gradient.derive("mine", relu=look)
    x = Tensor(np.random.default_rng(3).standard_normal((2, 2, 8, 8), np.float32), True)
    with exact():
        y, planes = net(x), net.activations(x)["c"]
    y.backward(np.ones(y.shape, np.float32), rules=table)
    assert same_bits(names[0], planes.data)
