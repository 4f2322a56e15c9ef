"""Results of ONNX's reference evaluator, where `onnx` is installed and has the operation.

Each model has one node, in float64. Conv and pooling take all four pads; ConvTranspose is dgrad.
LRN is left out, since its parameters are attributes, which ONNX rounds to float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.verify.calls import Call, Results


def answer(call: Call) -> Results | None:
    """The results of ONNX's reference evaluator; None where it does not support the call."""
    if any(0 in a.shape for a in call.inputs.values()):
        return None
    return _SERVED[call.operation](call)


def operations() -> tuple[str, ...]:
    return tuple(_SERVED)


def _evaluate(node: str, inputs: list[np.ndarray], outputs: int = 1, **attributes: Any) -> Results:
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    names, results = [f"in{i}" for i in range(len(inputs))], [f"out{i}" for i in range(outputs)]
    graph = helper.make_graph(
        [helper.make_node(node, names, results, **attributes)],
        "one",
        [helper.make_tensor_value_info(n, TensorProto.DOUBLE, None) for n in names],
        [helper.make_tensor_value_info(n, TensorProto.UNDEFINED, None) for n in results],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)])
    feeds = dict(zip(names, (a.astype(np.float64) for a in inputs), strict=True))
    return tuple(ReferenceEvaluator(model).run(None, feeds))


def _window(g: ConvGeometry | PoolGeometry) -> dict[str, Any]:
    top, bottom, left, right = g.padding
    return {
        "kernel_shape": [g.R, g.S],
        "strides": list(g.stride),
        "pads": [top, left, bottom, right],
        "dilations": list(g.dilation),
    }


def _conv(call: Call) -> Results | None:
    g = call.g
    if min(g.padding) < 0:
        return None
    return _evaluate("Conv", list(call.inputs.values()), group=g.groups, **_window(g))


def _conv_transpose(call: Call) -> Results | None:
    """dgrad group by group. Rows at the end without a window are cut from the padding there; if the
    padding has fewer, they are zeros that the evaluator leaves out."""
    g: ConvGeometry = call.g
    if min(g.padding) < 0:
        return None
    window, gx = _window(g), np.zeros(g.x_shape)
    ends = [
        (g.P, g.Q)[axis] * g.stride[axis] - g.stride[axis] + g.extent[axis]
        - g.padding[2 * axis] - (g.H, g.W)[axis]
        for axis in (0, 1)
    ]  # fmt: skip
    if any(end <= -size for end, size in zip(ends, (g.H, g.W), strict=True)):
        return None  # no window reaches the plane: the evaluator fails
    window["pads"][2:] = [max(end, 0) for end in ends]
    gys = np.split(call.inputs["gy"], g.groups, 1)
    parts = [
        _evaluate("ConvTranspose", [gy, w], **window)[0]
        for gy, w in zip(gys, np.split(call.inputs["w"], g.groups, 0), strict=True)
    ]
    found = np.concatenate(parts, 1)
    gx[:, :, : found.shape[2], : found.shape[3]] = found
    return (gx,)


def _max_pool(call: Call) -> Results | None:
    g = call.g
    top, bottom, left, right = g.padding
    # Its ceil_mode keeps windows that begin in the padding. It refuses planes that contain a window
    # only because of padding, and confuses unequal pads.
    fits = g.extent[0] <= g.H and g.extent[1] <= g.W
    if not (top == bottom == left == right >= 0) or g.ceil_mode or not fits:
        return None
    (y,) = _evaluate("MaxPool", [call.inputs["x"]], **_window(g))
    return (y,)


def _plain(node: str) -> Callable[[Call], Results]:
    return lambda call: _evaluate(node, list(call.inputs.values()))


_SERVED: dict[str, Callable[[Call], Results | None]] = {
    "conv2d": _conv,
    "conv2d_dgrad": _conv_transpose,
    "max_pool2d": _max_pool,
    "relu": _plain("Relu"),
    "matmul": _plain("MatMul"),
    "batched_matmul": _plain("MatMul"),
}
