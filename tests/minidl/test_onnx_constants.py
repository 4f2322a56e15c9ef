"""Tests of constant folding: the values and types of other readers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels.bounds import same_bits
from minidl.formats.onnx.call import Call
from minidl.formats.onnx.constants import FOLDERS, fold
from minidl.formats.onnx.nodes import to_node
from tests.minidl.onnx_graphs import node, onnx, reference, runtime

pytestmark = pytest.mark.quick

A = np.arange(24, dtype=np.int64).reshape(2, 3, 4) - 7  # (24,) -> (2,3,4)
B = np.array([[3], [-2], [5]], np.int64)
F = A.astype(np.float32) / 8
FLOAT = onnx.TensorProto.FLOAT


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


Example = tuple[int, str, tuple[np.ndarray, ...], dict[str, Any]]
EXAMPLES: list[Example] = [
    (9, "Constant", (), {"value": onnx.numpy_helper.from_array(A)}),
    (13, "Constant", (), {"value_float": 0.5}),
    (13, "Constant", (), {"value_floats": [0.5, 2.0]}),
    (13, "Constant", (), {"value_int": 3}),
    (13, "Constant", (), {"value_ints": [3, -4]}),
    (9, "ConstantOfShape", (ints(2, 3),), {}),
    (13, "ConstantOfShape", (ints(2, 3),), {"value": onnx.numpy_helper.from_array(ints(7))}),
    (13, "ConstantOfShape", (np.zeros(0, np.int64),), {}),
    (7, "Shape", (A,), {}),
    (15, "Shape", (A,), {"start": 1}),
    (15, "Shape", (A,), {"start": -2, "end": -1}),
    (13, "Identity", (A,), {}),
    (13, "Cast", (A,), {"to": FLOAT}),
    (13, "Cast", (F,), {"to": onnx.TensorProto.INT64}),
    (13, "Cast", (F,), {"to": onnx.TensorProto.BOOL}),
    (7, "Gather", (A, ints(1, 0, 1)), {"axis": 1}),
    (11, "Gather", (A, np.array(-1)), {"axis": -1}),
    (13, "Gather", (A, np.array(1)), {}),
    (7, "Concat", (A, A), {"axis": 2}),
    (13, "Concat", (A, A, A), {"axis": -1}),
    (7, "Unsqueeze", (A,), {"axes": [0, 2]}),
    (13, "Unsqueeze", (A, ints(-1)), {}),
    (7, "Squeeze", (A[:1, :, :1],), {"axes": [0]}),
    (7, "Squeeze", (A[:1, :, :1],), {}),
    (13, "Squeeze", (A[:1, :, :1], ints(2)), {}),
    (7, "Reshape", (A, ints(0, -1)), {}),
    (14, "Reshape", (A[:0], ints(0, 12)), {"allowzero": 1}),
    (7, "Transpose", (A,), {}),
    (13, "Transpose", (A,), {"perm": [1, 2, 0]}),
    (7, "Slice", (A,), {"starts": [1, -3], "ends": [9, -1], "axes": [0, 2]}),
    (9, "Slice", (A,), {"starts": [0, 1], "ends": [1, 3]}),
    (10, "Slice", (A, ints(1), ints(3), ints(2)), {}),
    (13, "Slice", (A, ints(3, 2), ints(-(2**62), 0), ints(2, 1), ints(-1, -2)), {}),
    (13, "Slice", (A, ints(0), ints(2**62)), {}),
    (7, "Add", (A, B), {}),
    (7, "Sub", (A, B), {}),
    (13, "Mul", (A, B), {}),
    (13, "Mul", (F, F), {}),
    (13, "Div", (A, B), {}),
    (13, "Div", (F, F + 9), {}),
    (13, "Floor", (F,), {}),
    (13, "Ceil", (F,), {}),
    (13, "Equal", (A, B), {}),
    (13, "Where", (A > B, A, B), {}),
    (13, "Expand", (B, ints(2, 1, 4)), {}),
    (13, "Size", (A,), {}),
    (11, "Range", (np.array(3), np.array(-4), np.array(-2)), {}),
    # By the standard's evaluator:
    (13, "Tile", (B, ints(2, 3)), {}),
    (13, "Not", (A > 0,), {}),
    (13, "Greater", (A, B), {}),
    (18, "ScatterND", (A, np.array([[0, 1], [1, 2]]), A[:, 0] * 9), {}),
    (14, "CumSum", (A, np.array(1)), {}),
]


def folded(opset: int, operator: str, arrays: tuple[np.ndarray, ...], settings: Any) -> np.ndarray:
    made = node(operator, " ".join(f"c{at}" for at in range(len(arrays))), **settings)
    (value,) = fold(Call(to_node(made, opset, Path()), opset, arrays))
    return value


def computed(
    read: Callable[..., np.ndarray], opset: int, operator: str, arrays: Any, settings: Any
) -> np.ndarray:
    """Another reader's result of the same node, whose inputs are the graph's constants."""
    named = {f"c{at}": array for at, array in enumerate(arrays)}
    graph = onnx.helper.make_graph(
        [node(operator, " ".join(named), **settings)],
        "constants",
        [],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.UNDEFINED, None)],
        [onnx.numpy_helper.from_array(np.asarray(a, order="C"), n) for n, a in named.items()],
    )
    inferred = onnx.shape_inference.infer_shapes(onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=8))  # fmt: skip
    return read(inferred, None)


@pytest.mark.parametrize("read", [reference, runtime])
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example[1]}-{example[0]}")
def test_a_constant_has_the_bits_that_other_readers_compute(
    example: Example, read: Callable[..., np.ndarray]
) -> None:
    assert same_bits(folded(*example), np.asarray(computed(read, *example)))


def test_every_operator_on_constants_has_an_example() -> None:
    assert {example[1] for example in EXAMPLES} >= FOLDERS.keys()
