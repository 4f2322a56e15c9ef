"""Tests of constants of ONNX that several nodes use: one parameter, written once again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kernels.bounds import same_bits
from minidl import Tensor, no_grad
from minidl.formats.onnx import load_onnx
from minidl.formats.onnx.export import save_onnx
from tests.minidl.onnx_graphs import drawn, model, node, onnx
from tests.minidl.onnx_running import loaded


def test_an_initializer_of_two_convolutions_is_one_parameter(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    nodes = [
        node("Conv", "x w b", "c", name="first", pads=[1, 1, 1, 1]),
        node("Relu", "c", "r", name="between"),
        node("Conv", "r w d", "y", name="second", pads=[1, 1, 1, 1]),
    ]
    net = loaded(
        model(nodes, ["N", 2, 6, 6], w=drawn(rng, 2, 2, 3, 3), b=drawn(rng, 2), d=drawn(rng, 2)),
        tmp_path,
    )
    names = [name for name, _ in net.named_parameters()]
    assert names == ["first.weight", "first.bias", "second.bias"]
    file = tmp_path / "again.onnx"
    save_onnx(net, file, (2, 6, 6))
    assert len(onnx.load(file).graph.initializer) == 3
    again, x = load_onnx(file), Tensor(drawn(rng, 2, 2, 6, 6))
    assert len(list(again.parameters())) == 3
    with no_grad():
        assert same_bits(again(x).data, net(x).data)


def test_a_matrix_that_is_reached_through_transposes_is_one_parameter(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    nodes = [
        node("Flatten", "x", "f"),
        node("Transpose", "w", "t", perm=[1, 0]),
        node("MatMul", "f t", "c", name="first"),
        node("Transpose", "w", "u", perm=[1, 0]),
        node("MatMul", "c u", "d", name="second"),
        node("Gemm", "d w", "y", name="third", transB=1),
    ]
    net = loaded(model(nodes, ["N", 3, 1, 1], w=drawn(rng, 3, 3)), tmp_path)
    assert [name for name, _ in net.named_parameters()] == ["first.weight"]


def test_one_batch_normalisation_used_twice_is_one_and_others_are_not(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    statistics = {n: drawn(rng, 2) ** 2 + 1 for n in "sbmvt"}
    nodes = [
        node("BatchNormalization", "x s b m v", "c", name="first"),
        node("BatchNormalization", "c s b m v", "d", name="second"),
        node("BatchNormalization", "d t b m v", "y", name="third"),
    ]
    net = loaded(model(nodes, ["N", 2, 3, 3], **statistics), tmp_path)
    names = [name for name, _ in net.named_parameters()]
    assert names == ["first.weight", "first.bias", "third.weight", "third.bias"]


@pytest.mark.parametrize("equal", [True, False])
def test_initializers_of_equal_values_stay_two_parameters(equal: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    w = drawn(rng, 2, 2, 1, 1)
    nodes = [node("Conv", "x w", "c", name="first"), node("Conv", "c v", "y", name="second")]
    other = w.copy() if equal else drawn(rng, 2, 2, 1, 1)
    net = loaded(model(nodes, ["N", 2, 3, 3], w=w, v=other), tmp_path)
    assert len(list(net.parameters())) == 2
