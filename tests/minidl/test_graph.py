"""Tests of graphs with branches against the same networks written with functions."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import Tensor, nn, no_grad
from minidl import functional as F


class Sum(nn.Module):
    def forward(self, *inputs: Tensor) -> Tensor:
        total = inputs[0]
        for x in inputs[1:]:
            total = total + x
        return total


def branched(rng: np.random.Generator) -> nn.Graph:
    """conv -> relu -> (pool, another convolution of the same relu) -> a sum with a detour."""
    layers = {
        "sum": Sum(),
        "conv": nn.Conv2d(3, 4, 3, padding=1, rng=rng),
        "relu": nn.ReLU(),
        "side": nn.Conv2d(4, 4, 1, rng=rng),
        "side_relu": nn.ReLU(),
        "unused": nn.ReLU(),
    }
    wiring = {
        "sum": ("relu", "side_relu", "relu"),
        "conv": (nn.INPUT,),
        "relu": ("conv",),
        "side": ("relu",),
        "side_relu": ("side",),
        "unused": ("conv",),
    }
    return nn.Graph(layers, wiring, output="sum")


def by_hand(net: nn.Graph, x: Tensor) -> Tensor:
    layers = dict(net.children())
    conv, side = layers["conv"], layers["side"]
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(side, nn.Conv2d)
    relu = F.relu(F.conv2d(x, conv.weight, conv.bias, padding=1))
    return relu + F.relu(F.conv2d(relu, side.weight, side.bias)) + relu


def test_a_graph_computes_what_its_wires_say() -> None:
    rng = np.random.default_rng(0)
    net, x = branched(rng), Tensor(rng.standard_normal((2, 3, 6, 5)), dtype=np.float32)
    with no_grad():
        expected = by_hand(net, x).data
        assert np.allclose(net(x).data, expected, rtol=1e-5, atol=1e-6)
        assert np.allclose(net.activations(x)["sum"].data, expected, rtol=1e-5, atol=1e-6)


def test_a_graph_carries_the_gradient_through_every_branch() -> None:
    rng = np.random.default_rng(1)
    net = branched(rng)
    x = Tensor(rng.standard_normal((2, 3, 6, 5)), requires_grad=True, dtype=np.float32)
    cotangent = rng.standard_normal((2, 4, 6, 5)).astype(np.float32)
    (found,) = net(x).backward(cotangent, inputs=[x])
    (expected,) = by_hand(net, x).backward(cotangent, inputs=[x])
    assert np.allclose(found.data, expected.data, rtol=1e-4, atol=1e-5)


def test_only_what_leads_to_the_layer_asked_for_is_computed() -> None:
    rng = np.random.default_rng(2)
    net, x = branched(rng), Tensor(np.zeros((1, 3, 4, 4), np.float32))
    assert list(net.activations(x, until="side")) == ["conv", "relu", "side"]
    assert "unused" not in {name for run in net.plan() for name in run.names}


def test_a_relu_with_other_readers_is_kept_for_them() -> None:
    net = branched(np.random.default_rng(3))
    runs = {run.names: run for run in net.plan()}
    assert ("side", "side_relu") in runs, "a convolution takes along the ReLU that it alone feeds"
    assert ("conv",) in runs or ("conv", "relu") in runs
    assert runs[("sum",)].dead == ("relu", "side_relu")


def test_a_chain_is_a_graph_whose_wires_follow_each_other() -> None:
    rng = np.random.default_rng(4)
    chain = nn.Sequential(a=nn.Conv2d(3, 2, 3, rng=rng), b=nn.ReLU())
    assert chain.wiring() == {"a": (nn.INPUT,), "b": ("a",)}
    assert chain.output == "b"


@pytest.mark.parametrize(
    ("layers", "wiring", "message"),
    [
        ({"a": nn.ReLU()}, {"a": ("b",)}, r"'a' is fed by \['b'\]"),
        ({"a": nn.ReLU()}, {"a": ()}, "fed by nothing"),
        ({"a": nn.ReLU()}, {}, "must name the same"),
        ({nn.INPUT: nn.ReLU()}, {nn.INPUT: (nn.INPUT,)}, "none of them 'input'"),
        ({}, {}, "at least one"),
        ({"a": nn.ReLU(), "b": nn.ReLU()}, {"a": ("b",), "b": ("a",)}, "in a circle"),
    ],
)
def test_wires_that_lead_nowhere_are_refused(layers: dict, wiring: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nn.Graph(layers, wiring)


def test_an_output_that_is_no_layer_is_refused() -> None:
    with pytest.raises(ValueError, match="no layer 'c' to return"):
        nn.Graph({"a": nn.ReLU()}, {"a": (nn.INPUT,)}, output="c")


@pytest.mark.parametrize("sequential", [False, True])
def test_a_replaced_layer_leaves_the_graph_as_it_was(sequential: bool) -> None:
    rng = np.random.default_rng(0)
    layers = {"conv": nn.Conv2d(3, 4, 3, rng=rng), "relu": nn.ReLU(), "out": nn.Conv2d(4, 2, 1)}
    wiring = {"conv": (nn.INPUT,), "relu": ("conv",), "out": ("relu",)}
    graph = nn.Sequential(layers) if sequential else nn.Graph(layers, wiring)
    x = Tensor(rng.standard_normal((2, 3, 5, 5)).astype(np.float32))
    with no_grad():
        before = graph(x).data.copy()
        other = graph.replaced({"conv": nn.Conv2d(3, 4, 3, rng=rng)})
        assert not np.array_equal(other(x).data, before)
        assert np.array_equal(graph(x).data, before)
    assert type(other) is type(graph)
    assert dict(other.children())["out"] is dict(graph.children())["out"]
    with pytest.raises(KeyError, match="pool"):
        graph.replaced({"pool": nn.ReLU()})
