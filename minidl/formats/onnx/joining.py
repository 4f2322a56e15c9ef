"""Operands of broadcasting operators, brought to the layers' form: the images first.

Where the operands have different numbers of axes, or the batch is not in front, broadcasting of the
file's shapes and of the layers' outputs align other axes. So each operand gets all axes of the
result first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl import nn
from minidl.formats.onnx.batch import FRONT, Activation, Batch, own
from minidl.formats.onnx.call import Call, Source, Value


def aligned(call: Call, inputs: Sequence[Value] | None = None) -> tuple[Batch, list[Value]]:
    """The batch's place in the result, and the inputs for it: activations as they are or with
    further axes (their `own` shapes align from the last axis), constants (1,...) that broadcast.

    ValueError for activations whose images are on different axes.
    """
    given = [v for v in (call.inputs if inputs is None else inputs) if v is not None]
    axes = max(len(value.shape) for value in given)
    found = [v for v in given if isinstance(v, Activation)]
    places = {_moved(v.batch, axes - len(v.shape)) for v in found}
    if len(places) > 1:
        shapes = ", ".join(str(v.sizes) for v in found)
        raise ValueError(f"its inputs {shapes} have the images on different axes")
    (batch,) = places
    return batch, [
        value if isinstance(value, Activation) else per_image(value, axes, batch, call.images)
        for value in given
    ]


def sources(values: Sequence[Value]) -> tuple[Activation | Source, ...]:
    """The values that `aligned` gave as inputs of one layer."""
    axes = max(map(_rank, values))
    return tuple(_source(value, axes) for value in values)


def _rank(value: Value) -> int:
    """Axes of one image's value."""
    assert value is not None
    return len(value.own) if isinstance(value, Activation) else value.ndim - 1


def _source(value: Value, axes: int) -> Activation | Source:
    if not isinstance(value, Activation):
        assert value is not None
        return Source((nn.Constant(np.array(value, np.float32)),))
    missing = axes - len(value.own)
    return Source((nn.Reshape((1,) * missing + value.own),), value) if missing else value


def per_image(array: np.ndarray, axes: int, batch: Batch, images: int) -> np.ndarray:
    """A constant as (1, *own): the operand of each image, in a result of so many axes.

    images: the batch of the file, for which a constant may hold copies.
    ValueError if it is not the same for all images.
    """
    full = array.reshape((1,) * (axes - array.ndim) + array.shape)  # leading axes of 1
    at = batch.axis
    size = full.shape[at]
    if size == batch.rows * images and images > 1:
        parts = full.reshape(  # (..., outer N inner, ...) -> (..., outer, N, inner, ...)
            *full.shape[:at], batch.outer, images, batch.inner, *full.shape[at + 1 :]
        )
        single = parts.take([0], at + 1)
        if not np.array_equal(np.broadcast_to(single, parts.shape), parts, equal_nan=True):
            raise ValueError(f"its constant {array.shape} differs from image to image")
        full = single.reshape(*full.shape[:at], batch.rows, *full.shape[at + 1 :])  # N is 1
    elif size not in (1, batch.rows):
        raise ValueError(
            f"its constant {array.shape} has {size} values along the axis of the images"
        )
    return full.reshape(1, *own(full.shape, batch)) if batch.rows == 1 else full[np.newaxis]


def _moved(batch: Batch, by: int) -> Batch:
    return Batch(batch.axis + by, batch.outer, batch.inner)


def in_file_order(x: Activation) -> list[nn.Module]:
    """The layers that put the batch where the file has it; none if it is in front, alone.

    (N, ..., outer inner, ...) -> (..., outer N inner, ...), or (..., N, ...) without the axis.
    """
    at, (outer, inner) = x.batch.axis, (x.batch.outer, x.batch.inner)
    before, behind = x.shape[:at], x.shape[at + 1 :]
    axes = list(range(len(before) + 1 + len(behind)))
    if x.batch == FRONT:
        return []
    if x.batch.rows == 1:
        return [nn.Transpose([*axes[1 : at + 1], 0, *axes[at + 1 :]])]
    return [
        nn.Reshape((*before, outer, inner, *behind)),
        nn.Transpose([*range(1, at + 2), 0, *range(at + 2, len(axes) + 2)]),
        nn.Reshape((*before, *behind), x.batch.rows, source=at + 1, target=at),
    ]
