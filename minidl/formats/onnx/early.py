"""Opset 6, where it differs from later ones: broadcasting along an axis, and marks of inference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.formats.onnx.call import Call, Value
from minidl.formats.onnx.model import Node

LAST = 6
"""The last opset in which an operand is broadcast along an attribute's axis."""
BROADCAST = frozenset((
    "Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Equal", "Greater", "Less", "PRelu",
))  # fmt: skip


def operands(node: Node, opset: int, inputs: tuple[Value, ...]) -> tuple[Value, ...]:
    """The inputs so that NumPy's broadcasting aligns them: the second one's first axis is number
    `axis` of the first one's; its last axes are aligned unless that is given. A slope is that of
    one channel each.

    ValueError for an activation that would need further axes, or an axis that does not exist.
    """
    axis = 1 if node.operator == "PRelu" else node.attributes.get("axis")
    if opset > LAST or node.operator not in BROADCAST or axis is None or len(inputs) != 2:
        return inputs
    first, second = inputs
    if first is None or second is None:
        return inputs
    count, own = len(first.shape), len(second.shape)
    behind = count - (axis % count if count else 0) - own
    if behind < 0 or not -count <= axis < count:
        raise ValueError(f"its axis {axis} does not align {second.shape} with {first.shape}")
    if behind == 0:
        return inputs
    if not isinstance(second, np.ndarray):
        raise ValueError(f"its axis {axis} broadcasts an activation {second.shape} from the left")
    return first, _with_axes(second, behind)


def _with_axes(array: np.ndarray, behind: int) -> np.ndarray:
    shape: Sequence[int] = (*array.shape, *(1,) * behind)
    return array.reshape(shape)  # (C,) -> (C,1,1)


def check_inference(call: Call) -> None:
    """ValueError for a node that opset 6 computes as in training."""
    if call.opset <= LAST and not call["is_test"]:
        raise ValueError("is_test=0, which is training mode; export the network in inference mode")
