"""Constant folding of ONNX nodes with NumPy, so that layers get their arrays.

Exporters write the target of a Reshape, or a weight with two more axes, as a chain of operators on
constants. The shape of an activation is one too, with the batch as a `Size` in an array of objects.
Operators without a function here are computed by the standard's evaluator (`evaluated.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from minidl.formats.onnx import evaluated
from minidl.formats.onnx.batch import Activation
from minidl.formats.onnx.call import Call
from minidl.formats.onnx.sizes import Size, depends, places, plain
from minidl.formats.onnx.tensors import type_name

Folder = Callable[[Call], np.ndarray]
FOLDERS: dict[str, Folder] = {}
_TYPES = {
    1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64,
    9: np.bool_, 10: np.float16, 11: np.float64, 12: np.uint32, 13: np.uint64,
}  # fmt: skip
"""TensorProto.DataType as NumPy's type."""


def folds(call: Call) -> bool:
    """True if the node's value is a constant, not computed from the image."""
    return call.node.operator in ("Shape", "Size") or not call.activations


def fold(call: Call) -> tuple[np.ndarray, ...]:
    """The node's constant values, one for each output; ValueError for an operator that is not
    supported."""
    operator = call.node.operator
    if operator not in FOLDERS:
        if any(isinstance(each, np.ndarray) and depends(each) for each in call.inputs):
            raise ValueError(
                "it is computed from the number of images; of that only "
                f"{', '.join(sorted(FOLDERS))} can be computed"
            )
        return evaluated.values(call)
    try:
        return (plain(np.asarray(FOLDERS[operator](call))),)
    except (IndexError, TypeError) as error:
        raise ValueError(str(error)) from None


def folding(*names: str) -> Callable[[Folder], Folder]:
    """Decorator: register the function that computes the operators of these names."""

    def register(compute: Folder) -> Folder:
        FOLDERS.update(dict.fromkeys(names, compute))
        return compute

    return register


@folding("Constant")
def constant(call: Call) -> np.ndarray:
    found = {name: value for name, value in call.node.attributes.items() if value is not None}
    if "value" in found:
        return np.asarray(found["value"])
    for name, dtype in (("value_float", np.float32), ("value_int", np.int64)):
        for each in (name, f"{name}s"):
            if each in found:
                return np.array(found[each], dtype)
    raise ValueError(f"a constant with {', '.join(found) or 'no value'} cannot be read")


@folding("ConstantOfShape")
def constant_of_shape(call: Call) -> np.ndarray:
    value = call["value"]
    filler = np.zeros(1, np.float32) if value is None else value
    one = np.array(filler.item(), filler.dtype)
    return np.broadcast_to(one, one_image(call.sizes(0)))  # () -> the shape


@folding("Shape")
def shape(call: Call) -> np.ndarray:
    sizes = _sizes(call)
    start, end = call["start"] or 0, call["end"]
    return _integers(sizes[start : len(sizes) if end is None else end])


@folding("Size")
def size_(call: Call) -> np.ndarray:
    """The number of values."""
    return _integers((math.prod(_sizes(call)),)).reshape(())  # (1,) -> ()


def _sizes(call: Call) -> tuple[Any, ...]:
    source = call.inputs[0]
    return source.sizes if isinstance(source, Activation) else call.array(0).shape


def _integers(sizes: tuple[Any, ...]) -> np.ndarray:
    """Integers as an array, of objects where one depends on the batch."""
    objects = any(isinstance(size, Size) for size in sizes)
    return np.array(sizes, object if objects else np.int64)


def one_image(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes with 1 for the batch's: what is the same for every image is kept once."""
    return tuple(1 if isinstance(size, Size) else int(size) for size in sizes)


@folding("Identity")
def identity(call: Call) -> np.ndarray:
    return call.array(0)


@folding("Cast")
def cast(call: Call) -> np.ndarray:
    if call["to"] not in _TYPES:
        raise ValueError(f"it casts to {type_name(call['to'])}, which cannot be read")
    array, dtype = call.array(0), np.dtype(_TYPES[call["to"]])
    if not depends(array):
        return array.astype(dtype)
    exact = np.vectorize(int if dtype.kind in "iu" else Fraction, otypes=[object])
    return _mapped(array, exact)


def _mapped(array: np.ndarray, function: Callable[..., np.ndarray]) -> np.ndarray:
    """The function of the numbers that do not depend on the batch."""
    mapped, fixed = array.copy(), np.array([not isinstance(v, Size) for v in array.flat], bool)
    fixed = fixed.reshape(array.shape)  # (values,) -> the array's shape
    if fixed.any():
        mapped[fixed] = function(array[fixed])
    return mapped


@folding("Floor")
def floor(call: Call) -> np.ndarray:
    array = call.array(0)
    return _mapped(array, np.vectorize(math.floor, [object])) if depends(array) else np.floor(array)


@folding("Ceil")
def ceil(call: Call) -> np.ndarray:
    array = call.array(0)
    return _mapped(array, np.vectorize(math.ceil, [object])) if depends(array) else np.ceil(array)


@folding("Gather")
def gather(call: Call) -> np.ndarray:
    return np.take(call.array(0), call.array(1), axis=call["axis"])


@folding("Concat")
def concat(call: Call) -> np.ndarray:
    return np.concatenate([call.array(at) for at in range(len(call.inputs))], call["axis"])


@folding("Unsqueeze")
def unsqueeze(call: Call) -> np.ndarray:
    return np.expand_dims(call.array(0), axes(call))


@folding("Squeeze")
def squeeze(call: Call) -> np.ndarray:
    return np.squeeze(call.array(0), axes(call) or None)


@folding("Reshape")
def reshape(call: Call) -> np.ndarray:
    data, target = call.array(0), call.integers(1)
    if not call["allowzero"]:
        target = tuple(size or data.shape[axis] for axis, size in enumerate(target))
    return data.reshape(target)  # any shape -> the file's


@folding("Transpose")
def transpose(call: Call) -> np.ndarray:
    return np.transpose(call.array(0), call["perm"])  # the file's order of axes, or reversed


@folding("Slice")
def slice_(call: Call) -> np.ndarray:
    data = call.array(0)
    if call.opset < 10:
        starts, ends, where, steps = call["starts"], call["ends"], call["axes"], None
    else:
        starts, ends = call.integers(1), call.integers(2)
        where = call.integers(3) if call.has(3) else None
        steps = call.integers(4) if call.has(4) else None
    index = [slice(None)] * data.ndim
    for at, axis in enumerate(where or range(len(starts))):
        index[axis] = slice(starts[at], ends[at], steps[at] if steps else 1)
    return data[tuple(index)]


@folding("Add")
def add(call: Call) -> np.ndarray:
    return call.array(0) + call.array(1)


@folding("Sub")
def subtract(call: Call) -> np.ndarray:
    return call.array(0) - call.array(1)


@folding("Mul")
def multiply(call: Call) -> np.ndarray:
    return call.array(0) * call.array(1)


@folding("Div")
def divide(call: Call) -> np.ndarray:
    a, b = call.array(0), call.array(1)
    if depends(a) or depends(b):
        return np.asarray(np.vectorize(_quotient, otypes=[object])(a, b))
    if not b.all():
        raise ValueError("it divides by zero")
    if np.issubdtype(a.dtype, np.integer):
        return (a - np.fmod(a, b)) // b  # the standard's quotient of integers drops the fraction
    return a / b


def _quotient(a: Any, b: Any) -> Any:
    """a / b of sizes; of two integers without the fraction."""
    if any(isinstance(each, Size | Fraction | float) for each in (a, b)):
        return a / b
    return int(Fraction(int(a), int(b)))


@folding("Range")
def range_(call: Call) -> np.ndarray:
    start, limit, delta = (call.array(at).item() for at in range(3))
    if not isinstance(limit, Size):
        return np.arange(start, limit, delta, dtype=call.array(0).dtype)
    if start != 0 or delta != 1:
        raise ValueError(f"it counts from {start} to {limit} in steps of {delta}")
    return places(limit)


@folding("Equal")
def equal(call: Call) -> np.ndarray:
    return np.asarray(call.array(0) == call.array(1), bool)


@folding("Where")
def where(call: Call) -> np.ndarray:
    return np.where(call.array(0), call.array(1), call.array(2))


@folding("Expand")
def expand(call: Call) -> np.ndarray:
    return np.broadcast_to(call.array(0), expanded(call)).copy()


def expanded(call: Call) -> tuple[int, ...]:
    """The shape of an Expand: equal sizes, or those of the one that has 1."""
    return np.broadcast_shapes(call.array(0).shape, one_image(call.sizes(1)))


def axes(call: Call) -> tuple[int, ...]:
    """The axes of Squeeze, Unsqueeze and reductions: an attribute, in later opsets an input."""
    if call["axes"] is not None:
        return tuple(call["axes"])
    return call.integers(1) if call.has(1) else ()
