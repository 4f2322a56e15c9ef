"""Shape operations: reshape, transpose, indexing, concatenation, padding, copies to devices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import kernels
from kernels.contract.arguments import MOST
from kernels.contract.geometry import Padding, pads
from kernels.contract.plane_geometry import ConcatenateGeometry
from minidl import device as devices
from minidl.functional import arguments
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, for_tape, record, record_view

Needs = tuple[bool, ...]


def reshape(x: Tensor, shape: Sequence[int]) -> Tensor:
    """x's elements in row-major order as another shape; one size may be -1."""
    arguments.tensor(x, "reshape", "x")
    try:
        data = x._array.reshape(tuple(shape))
    except (TypeError, ValueError, OverflowError):
        target = arguments.integers(shape, "reshape: shape", least=-1)
        raise ValueError(
            f"reshape: {x.shape} has {x.size} elements and does not fit into {target}"
        ) from None
    return record_view("reshape", data, x)


@gradient.rule("reshape")
def _reshape(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (reshape(gy, node.inputs[0].shape),)


def flatten(x: Tensor, start: int = 1) -> Tensor:
    """(N, C, H, W) -> (N, C H W), in row-major order whatever the memory layout."""
    arguments.tensor(x, "flatten", "x")
    start = arguments.integer(start, "flatten: start")
    if not -x.ndim <= start <= x.ndim:
        raise ValueError(f"flatten: start {start} is no axis of the shape {x.shape}")
    return reshape(x, (*x.shape[:start], math.prod(x.shape[start:])))


def transpose(x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """x with its axes in another order, reversed by default."""
    arguments.tensor(x, "transpose", "x")
    order = tuple(range(x.ndim))[::-1]
    if axes is not None:
        order = arguments.integers(axes, "transpose: axes")
    if sorted(a % max(x.ndim, 1) for a in order) != list(range(x.ndim)):
        raise ValueError(f"transpose: {order} does not name each axis of {x.shape} once")
    return record_view("transpose", x._array.transpose(order), x, order=order)


@gradient.rule("transpose")
def _transpose(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    order = [a % gy.ndim for a in node.saved["order"]]
    return (transpose(gy, np.argsort(order).tolist()),)


def getitem(x: Tensor, index: Any) -> Tensor:
    """x[index], for slices, integers and arrays of integers or bool.

    Arrays in the index may be on the CPU whatever x's device. The backward pass then knows them
    without waiting for the device.
    """
    arguments.tensor(x, "getitem", "x")
    data = x._array[devices.index(index, x._array)]
    return record_view("getitem", data, x, index=for_tape(index, x))


@gradient.rule("getitem")
def _getitem(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (_put(gy, node.saved["index"], node.inputs[0].shape),)


def _put(x: Tensor, index: Any, shape: tuple[int, ...]) -> Tensor:
    """The transpose of `getitem`: zeros of `shape` with x added at `index`."""
    data = np.zeros_like(x._array, shape=shape, order="C")
    devices.add_at(data, index, x._array)
    return record("put", data, (x,), index=index)


@gradient.rule("put")
def _put_rule(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (getitem(gy, node.saved["index"]),)


def to(x: Tensor, device: str) -> Tensor:
    """x's values on `device`, a name of `minidl.device.DEVICES`; x itself if it is there already.

    Raises as `minidl.device.check`, and MemoryError if the device has no memory left.
    """
    if x.device == device:
        return x
    return record("to", devices.move(x._array, device), (x,), origin=x.device)


@gradient.rule("to")
def _to(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (to(gy, node.saved["origin"]),)


def concatenate(tensors: Sequence[Tensor], axis: int = 1) -> Tensor:
    """The tensors one after the other along `axis`."""
    tensors = arguments.tensors(tensors, "concatenate")
    axis = arguments.integer(axis, "concatenate: axis")
    shapes, types = [t.shape for t in tensors], sorted({str(t.dtype) for t in tensors})
    if len(types) > 1:
        raise TypeError(f"concatenate: the shapes {shapes} are of two types, {' and '.join(types)}")
    try:
        data = _joined([t._array for t in tensors], axis)
    except ValueError:
        raise ValueError(
            f"concatenate: the shapes {shapes} must have axis {axis} and be equal but for it"
        ) from None
    return record("concatenate", data, tensors, axis=axis)


def _joined(arrays: Sequence[np.ndarray], axis: int) -> np.ndarray:
    """The arrays along `axis`; planes along the channel axis by a kernel."""
    if axis != 1 or not arrays or any(a.ndim != 4 for a in arrays):
        return np.concatenate(arrays, axis)
    g = ConcatenateGeometry.of(*(a.shape for a in arrays))
    kernel = kernels.pick_for("concatenate", arrays[0], g)
    joined: np.ndarray = kernel(*arrays, g)
    return joined


@gradient.rule("concatenate")
def _concatenate(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor | None, ...]:
    axis = node.saved["axis"] % gy.ndim
    ends = np.cumsum([t.shape[axis] for t in node.inputs]).tolist()
    before = (slice(None),) * axis
    return tuple(
        getitem(gy, (*before, slice(end - t.shape[axis], end))) if need else None
        for t, end, need in zip(node.inputs, ends, needs, strict=True)
    )


def stack(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Tensors of one shape along a new axis."""
    tensors = arguments.tensors(tensors, "stack")
    axis = arguments.integer(axis, "stack: axis")
    shapes = [t.shape for t in tensors]
    if len(set(shapes)) != 1 or not -len(shapes[0]) - 1 <= axis <= len(shapes[0]):
        raise ValueError(f"stack: the shapes {shapes} must be equal and take a new axis {axis}")
    axis %= len(shapes[0]) + 1
    shape = (*shapes[0][:axis], 1, *shapes[0][axis:])
    return concatenate([reshape(t, shape) for t in tensors], axis)  # a new axis of size 1 each


def pad2d(x: Tensor, padding: Padding) -> Tensor:
    """x (N,C,H,W) with zeros around it: (top, bottom, left, right); negative pads crop."""
    arguments.tensor(x, "pad2d", "x")
    if x.ndim != 4:
        raise ValueError(f"pad2d: x must have the four axes (N, C, H, W), got {x.shape}")
    four = pads(padding)
    top, bottom, left, right = (max(-v, 0) for v in four)  # what is cropped
    H, W = x.shape[2:]
    if top + bottom > H or left + right > W:
        raise ValueError(
            f"pad2d: padding {padding} crops more than there is of the shape {x.shape}"
        )
    cropped = x._array[:, :, top : H - bottom, left : W - right]
    top, bottom, left, right = (max(v, 0) for v in four)  # what is added
    rows, columns = H + four[0] + four[1], W + four[2] + four[3]
    if rows * columns > MOST:
        raise ValueError(
            f"pad2d: padding {padding} around the shape {x.shape} gives planes of "
            f"{rows}x{columns} pixels; a plane may have {MOST}"
        )
    data = np.pad(cropped, ((0, 0), (0, 0), (top, bottom), (left, right)))
    return record("pad2d", data, (x,), padding=four)


@gradient.rule("pad2d")
def _pad2d(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    top, bottom, left, right = node.saved["padding"]
    return (pad2d(gy, (-top, -bottom, -left, -right)),)
