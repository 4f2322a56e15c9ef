"""Memory that a constant of an ONNX file would take, counted before its value is computed.

A few bytes in a file can ask for any size: a constant of a shape, a range, a value expanded.
"""

from __future__ import annotations

import math

import numpy as np

from minidl.formats.onnx import evaluated
from minidl.formats.onnx.call import Call
from minidl.formats.onnx.constants import FOLDERS, expanded, one_image
from minidl.formats.onnx.sizes import Size, depends

FILLED = 1 << 30
"""Most bytes of a constant that is one number, which takes no memory until a layer has it."""
SMALL = 1 << 16
"""Bytes that are counted for places of images, of which a file cannot have many."""
ARITHMETIC = ("Add", "Sub", "Mul", "Div", "Equal", "Where")
"""Operators whose result has the shape of all inputs, broadcast."""


def bytes_of(call: Call) -> int:
    """Bytes of a constant node's value, at most; 0 where it is no more than its inputs have."""
    operator = call.node.operator
    arrays = [each for each in call.inputs if isinstance(each, np.ndarray)]
    if operator not in FOLDERS:
        return 0 if any(map(depends, arrays)) else evaluated.size(call)
    if operator == "ConstantOfShape":
        value, shape = call["value"], one_image(call.sizes(0))
        if min(shape, default=0) < 0:
            raise ValueError(f"a constant of the shape {shape} would be negative")
        bytes_ = math.prod(shape) * (4 if value is None else value.itemsize)
        return 0 if bytes_ <= FILLED else bytes_
    if operator == "Range":
        start, limit, delta = (call.array(at).item() for at in range(3))
        bounded = not isinstance(limit, Size) and delta
        return 8 * max(math.ceil((limit - start) / delta), 0) if bounded else SMALL
    if operator == "Expand" and len(arrays) == 2:
        return math.prod(expanded(call)) * arrays[0].itemsize
    if operator == "Concat":
        return sum(array.nbytes for array in arrays)
    if operator == "Cast":
        return 8 * sum(array.size for array in arrays)
    if operator in ARITHMETIC:
        items = math.prod(np.broadcast_shapes(*(array.shape for array in arrays)))
        return items * max(array.itemsize for array in arrays)
    if operator == "Gather" and len(arrays) == 2:
        data, indices = arrays
        axis = min(range(data.ndim), key=lambda at: data.shape[at], default=0)
        kept = data.nbytes // max(data.shape[axis] if data.ndim else 1, 1)
        return kept * indices.size
    return sum(array.nbytes for array in arrays if _is_filled(array))


def _is_filled(array: np.ndarray) -> bool:
    """True for one number without memory of its own, which another order of axes may copy."""
    return array.size > 1 and not any(array.strides)
