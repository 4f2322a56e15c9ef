"""Files of thousands of layers are imported in time that grows with their number."""

from __future__ import annotations

import time

import numpy as np
import pytest

import minidl

onnx = pytest.importorskip("onnx")
KINDS = "Conv", "BatchNormalization", "Relu", "Conv", "BatchNormalization", "Add"
"""A residual block, again and again."""


def network(layers: int) -> bytes:
    """An ONNX file of residual blocks of 4 channels."""
    rng, helper = np.random.default_rng(0), onnx.helper
    nodes, weights, last, skip = [], [], "x", "x"
    for i in range(layers):
        kind, out, inputs = KINDS[i % 6], f"t{i}", [last]
        values = {
            "Conv": [rng.normal(size=(4, 4, 3, 3)) / 6],
            "BatchNormalization": [np.ones(4)] * 4,
        }.get(kind, [])
        for j, value in enumerate(values):
            inputs.append(f"w{i}.{j}")
            weights.append(onnx.numpy_helper.from_array(value.astype(np.float32), inputs[-1]))
        if kind == "Add":
            inputs.append(skip)
            skip = out
        nodes.append(
            helper.make_node(kind, inputs, [out], **({"pads": [1] * 4} if kind == "Conv" else {}))
        )
        last = out
    shape = [1, 4, 8, 8]
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in ("x", last)
    ]
    graph = helper.make_graph(nodes, "blocks", ends[:1], ends[1:], weights)
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    return bytes(model.SerializeToString())


def seconds(file: bytes) -> float:
    """Processor time of an import, the least of three."""
    taken = []
    for _ in range(3):
        begin = time.process_time()
        minidl.load_onnx(file, fold=True)
        taken.append(time.process_time() - begin)
    return min(taken)


def test_import_takes_time_in_proportion_to_the_layers() -> None:
    """Four times the layers, less than eight times the time; quadratic would be sixteen."""
    few, many = network(750), network(3000)
    assert seconds(many) < 8 * seconds(few)


def test_every_layer_of_a_deep_file_is_run() -> None:
    x = np.random.default_rng(1).normal(size=(1, 4, 8, 8)).astype(np.float32)
    deep = minidl.load_onnx(network(600), fold=False)(minidl.Tensor(x)).data
    folded = minidl.load_onnx(network(600), fold=True)(minidl.Tensor(x)).data
    assert np.isfinite(deep).all()
    np.testing.assert_allclose(folded, deep, rtol=1e-3, atol=1e-3 * float(np.abs(deep).max()))
