"""Constant folding of ONNX nodes by the standard's own evaluator, `onnx.reference`.

For operators that exporters seldom apply to constants: the mask of shifted windows is made of
Range, ScatterND and comparisons. The size of a result is inferred before it is computed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.formats.onnx.call import Call

OPERATORS = frozenset((
    "Abs", "And", "ArgMax", "ArgMin", "Atan", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "Clip",
    "Cos", "CumSum", "DepthToSpace", "Einsum", "Erf", "Exp", "EyeLike", "Flatten",
    "GatherElements", "GatherND", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Log",
    "MatMul", "Max", "Min", "Mod", "Neg", "Not", "OneHot", "Or", "Pad", "Pow", "Reciprocal",
    "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "Relu",
    "Round", "ScatterElements", "ScatterND", "Sigmoid", "Sign", "Sin", "Softmax", "SpaceToDepth",
    "Split", "Sqrt", "Sum", "Tan", "Tanh", "Tile", "Trilu", "Xor",
))  # fmt: skip
"""What may be computed, of arrays as small as those of shapes, masks and indices."""
SMALL = 4096
"""Most values of an input whose values may determine the size of the result."""
_WORK = 1 << 32
"""Most products of a matrix product."""


def size(call: Call) -> int:
    """Bytes of all results; ValueError if they cannot be told, or for another operator."""
    if call.node.operator not in OPERATORS:
        raise ValueError(
            "it is computed from constants alone; of that only its operator cannot be computed"
        )
    _check_work(call)
    total = 0
    for output in _inferred(call):
        kind = output.type.tensor_type
        sizes = [axis.dim_value if axis.HasField("dim_value") else -1 for axis in kind.shape.dim]
        if not kind.HasField("shape") or min(sizes, default=0) < 0:
            raise ValueError("the size of this constant is not known before it is computed")
        total += 8 * math.prod(sizes)
    return total


def values(call: Call) -> tuple[np.ndarray, ...]:
    """The results, one for each output."""
    from onnx.reference import ReferenceEvaluator

    model = _model(call)
    given = {name: array for name, array in _arrays(call).items() if array.size > SMALL}
    try:
        with np.errstate(all="ignore"):
            results = ReferenceEvaluator(model).run(None, given)
    except Exception as error:  # whatever the evaluator raises for arrays that do not fit
        raise ValueError(f"the constant cannot be computed: {error}") from None
    return tuple(np.asarray(each) for each in results)


def _arrays(call: Call) -> dict[str, np.ndarray]:
    """The constants by the names that they have in the model of one node."""
    return {f"c{at}": each for at, each in enumerate(call.inputs) if isinstance(each, np.ndarray)}


def _model(call: Call) -> Any:
    """A ModelProto of the one node; its small inputs are constants."""
    from onnx import TensorProto, helper, numpy_helper

    arrays = _arrays(call)
    attributes = {
        name: numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
        for name, value in call.node.attributes.items()
        if value is not None
    }
    inputs = [f"c{at}" if each is not None else "" for at, each in enumerate(call.inputs)]
    outputs = [f"y{at}" for at, _ in enumerate(call.node.outputs)]
    graph = helper.make_graph(
        [helper.make_node(call.node.operator, inputs, outputs, **attributes)],
        "constant",
        [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
            for n, a in arrays.items()
            if a.size > SMALL
        ],
        [helper.make_tensor_value_info(n, TensorProto.UNDEFINED, None) for n in outputs],
        [
            numpy_helper.from_array(np.asarray(a, order="C"), n)
            for n, a in arrays.items()
            if a.size <= SMALL
        ],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", call.opset)], ir_version=8
    )


def _inferred(call: Call) -> list[Any]:
    """The types and shapes of the node's outputs."""
    from onnx import shape_inference

    try:
        model = shape_inference.infer_shapes(_model(call), strict_mode=True, data_prop=True)
    except Exception as error:  # the package's own errors
        raise ValueError(f"the constant cannot be computed: {error}") from None
    return list(model.graph.output)


def _check_work(call: Call) -> None:
    sizes = [array.size for array in _arrays(call).values()]
    if call.node.operator in ("MatMul", "Einsum") and math.prod(sizes) > _WORK:
        raise ValueError(f"a product of constants of {sizes} values is more than is computed here")
