"""ONNX models for the tests, in one line or the zoo's with random weights; and the results of
other readers of the format."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
"""The model zoo's networks as the onnx package carries them: their weights are constants."""


def node(operator: str, inputs: str, output: str = "y", name: str = "", **attributes: Any) -> Any:
    """A node; its inputs are in one string, "-" for an omitted one."""
    names = ["" if each == "-" else each for each in inputs.split()]
    return onnx.helper.make_node(operator, names, output.split(), name, **attributes)


def model(
    nodes: Sequence[Any],
    shape: Sequence[Any],
    opset: int = 13,
    **constants: Any,
) -> Any:
    """A ModelProto from "x" of the shape to "y"; the constants are arrays by name."""
    floats = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        list(nodes),
        "drawn",
        [onnx.helper.make_tensor_value_info("x", floats, shape)],
        [onnx.helper.make_tensor_value_info("y", floats, None)],
        [onnx.numpy_helper.from_array(np.asarray(a), name) for name, a in constants.items()],
    )
    opsets = [onnx.helper.make_opsetid("", opset)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)


def drawn(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape, np.float32)


def classifier(opset: int, shape: Sequence[Any], **changes: Any) -> Any:
    """conv -> ReLU -> global average -> Gemm, the rows between made as PyTorch writes
    x.view(x.size(0), -1)."""
    later = opset >= 13
    nodes = [
        node("Conv", "x w b", "c", name="conv1", pads=[1, 1, 1, 1]),
        node("Relu", "c", "r"),
        node("GlobalAveragePool", "r", "p"),
        node("Shape", "p", "sizes"),
        node("Gather", "sizes zero", "batch"),
        node("Unsqueeze", "batch axes", "n")
        if later
        else node("Unsqueeze", "batch", "n", axes=[0]),
        node("Concat", "n rest", "target", axis=0),
        node("Reshape", "p target", "f"),
        node("Gemm", "f v d", "y", transB=1),
    ]
    rng = np.random.default_rng(0)
    constants: dict[str, Any] = {
        "w": drawn(rng, 4, 3, 3, 3), "b": drawn(rng, 4), "v": drawn(rng, 5, 4), "d": drawn(rng, 5),
        "zero": np.array(0), "axes": np.array([0]), "rest": np.array([-1]),
    }  # fmt: skip
    return model(nodes, shape, opset, **(constants | changes))


def runtime(proto: Any, x: np.ndarray | None) -> np.ndarray:
    """ONNX Runtime's result of the model; the test is skipped where it is not installed."""
    ort = pytest.importorskip("onnxruntime")
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [each.name for each in session.get_inputs()]
    return np.asarray(session.run(None, dict.fromkeys(names, x))[0])


def reference(proto: Any, x: np.ndarray | None) -> np.ndarray:
    """The model's result by the standard's own evaluator."""
    from onnx.reference import ReferenceEvaluator

    names = [each.name for each in proto.graph.input]
    return np.asarray(ReferenceEvaluator(proto).run(None, dict.fromkeys(names, x))[0])


def zoo(name: str, rng: np.random.Generator) -> Any:
    """One of the zoo's networks up to its softmax, with random weights in place of the file's.

    After the softmax differences would be too small to detect; it stays in the file, unused.
    """
    proto = onnx.load(LIGHT / f"light_{name}.onnx")
    graph = proto.graph
    shapes = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    readers = {value: (n.op_type, at) for n in graph.node for at, value in enumerate(n.input)}
    block = rng.standard_normal(999_983, np.float32)
    for each in [n for n in graph.node if n.op_type == "ConstantOfShape"]:
        graph.node.remove(each)
        array = _weights(block, tuple(shapes[each.input[0]]), *readers[each.output[0]])
        graph.initializer.append(onnx.numpy_helper.from_array(array, each.output[0]))
    if graph.node[-1].op_type == "Softmax":
        logits = graph.node[-1].input[0]
        floats = onnx.TensorProto.FLOAT
        graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info(logits, floats, None))
    return proto


def _weights(block: np.ndarray, shape: Sequence[int], operator: str, at: int) -> np.ndarray:
    """Weights that keep an activation's size; scales and variances near 1, all else near 0.

    They repeat a drawn block whose length is a prime: drawing 10^8 numbers would take too long.
    """
    values = np.resize(block, tuple(shape))
    if len(shape) > 1:
        return values * np.float32(math.sqrt(2 / math.prod(shape[1:])))
    positive = operator == "Unsqueeze" or (operator, at) in {
        ("BatchNormalization", 1),
        ("BatchNormalization", 4),
    }
    return np.exp(values / 10) if positive else values / 10
