"""Operations that move elements, under PyTorch's names: parts, orders, repetitions.

Most are calls of the operations of `shape.py`, whose derivatives they have. Two have nodes of their
own: `take`, which may take an element several times, and `roll`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import device
from minidl.functional import arguments
from minidl.functional.reduction import broadcast_to
from minidl.functional.shape import concatenate, getitem, reshape, transpose
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, record

Needs = tuple[bool, ...]


def take(x: Tensor, index: Any, axis: int | None = None) -> Tensor:
    """x's parts at the positions `index` along `axis`, as `numpy.take` and ONNX's Gather.

    index: an array (or nested lists) of integers of any shape, or one integer; its shape replaces
           the axis. Negative ones count from the end.
    axis:  None takes of x's elements in row-major order, as `torch.take`.
    The gradient adds where a position is taken several times. ValueError for a position that is
    outside of the axis.
    """
    arguments.tensor(x, "take", "x")
    if axis is None:
        return take(reshape(x, (-1,)) if x.ndim != 1 else x, index, 0)
    axis = arguments.axis(axis, x.shape, "take: axis")
    places = arguments.positions(index, x.shape[axis], f"take: index into {x.shape}")
    found = _take(x, places.reshape(-1), axis)  # any shape -> (count,)
    if places.ndim == 1:
        return found
    return reshape(found, (*x.shape[:axis], *places.shape, *x.shape[axis + 1 :]))


def index_select(x: Tensor, dim: int, index: Any) -> Tensor:
    """x's parts at the positions `index` (one axis of integers) along `dim`, as in PyTorch."""
    arguments.tensor(x, "index_select", "x")
    dim = arguments.axis(dim, x.shape, "index_select: dim")
    places = arguments.positions(index, x.shape[dim], f"index_select: index into {x.shape}")
    if places.ndim != 1:
        raise ValueError(f"index_select: index must have one axis, got the shape {places.shape}")
    return _take(x, places, dim)


def _take(x: Tensor, places: np.ndarray, axis: int) -> Tensor:
    shape = (*x.shape[:axis], len(places), *x.shape[axis + 1 :])
    arguments.result(shape, x.dtype, f"take: {len(places)} positions of {x.shape}")
    data = device.take_along(x._array, places, axis)
    return record("take", data, (x,), places=places, axis=axis)


@gradient.rule("take")
def _take_rule(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    (x,), axis = node.inputs, node.saved["axis"]
    return (_add_taken(gy, node.saved["places"], axis, x.shape[axis]),)


def _add_taken(gy: Tensor, places: np.ndarray, axis: int, size: int) -> Tensor:
    """The transpose of `_take`: zeros with gy's parts added at `places` along `axis`."""
    data = device.add_along(gy._array, places, axis, size)
    return record("take_vjp", data, (gy,), places=places, axis=axis)


@gradient.rule("take_vjp")
def _add_taken_rule(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (_take(gy, node.saved["places"], node.saved["axis"]),)


def gather(x: Tensor, dim: int, index: Any) -> Tensor:
    """y[i][j][k] = x[i][index[i][j][k]][k] for dim 1, as `torch.gather` and GatherElements.

    index: integers with as many axes as x, none longer than x's but `dim`.
    """
    arguments.tensor(x, "gather", "x")
    return getitem(x, tuple(grid_along(x, dim, index, "gather")))


def grid_along(x: Tensor, dim: int, index: Any, what: str) -> list[Any]:
    """The index into x of `index`'s places along `dim`, and of its own along the other axes; the
    arrays broadcast to the shape of `index`."""
    axis = arguments.axis(dim, x.shape, f"{what}: dim")
    places = arguments.positions(index, x.shape[axis], f"{what}: index into {x.shape}")
    fits = places.ndim == x.ndim and all(
        n <= size or at == axis
        for at, (n, size) in enumerate(zip(places.shape, x.shape, strict=True))
    )
    if not fits:
        raise ValueError(
            f"{what}: index {places.shape} must have the axes of x {x.shape}, and be no longer but "
            f"for axis {axis}"
        )
    grid: list[Any] = list(np.ogrid[tuple(slice(size) for size in places.shape)])
    grid[axis] = places
    return grid


def permute(x: Tensor, dims: Sequence[int]) -> Tensor:
    """x with its axes in the order `dims`."""
    arguments.tensor(x, "permute", "x")
    return transpose(x, arguments.integers(dims, "permute: dims"))


def swapaxes(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """x with two axes exchanged: PyTorch's `transpose(x, dim0, dim1)`."""
    arguments.tensor(x, "swapaxes", "x")
    first = arguments.axis(dim0, x.shape, "swapaxes: dim0")
    second = arguments.axis(dim1, x.shape, "swapaxes: dim1")
    order = list(range(x.ndim))
    order[first], order[second] = second, first
    return transpose(x, order)


def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """x with a new axis of size 1 at `dim`."""
    arguments.tensor(x, "unsqueeze", "x")
    dim = arguments.axis(dim, (*x.shape, 1), "unsqueeze: dim")
    return reshape(x, (*x.shape[:dim], 1, *x.shape[dim:]))  # a new axis of size 1


def squeeze(x: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """x without its axes of size 1, or without those of them that `dim` names."""
    arguments.tensor(x, "squeeze", "x")
    dims = range(x.ndim) if dim is None else arguments.axes(dim, x.shape, "squeeze: dim")
    kept = (size for axis, size in enumerate(x.shape) if size != 1 or axis not in dims)
    return reshape(x, tuple(kept))  # without axes of size 1


def expand(x: Tensor, sizes: Sequence[int]) -> Tensor:
    """x repeated along its axes of size 1 and new leading ones; -1 keeps a size."""
    arguments.tensor(x, "expand", "x")
    target = arguments.integers(sizes, "expand: sizes", least=-1)
    extra = len(target) - x.ndim
    own = (*(-1,) * max(extra, 0), *x.shape)
    if extra < 0 or any(size == kept == -1 for size, kept in zip(target, own, strict=True)):
        raise ValueError(f"expand: {x.shape} does not broadcast to {target}")
    shape = (kept if size == -1 else size for size, kept in zip(target, own, strict=True))
    return broadcast_to(x, tuple(shape))


def repeat(x: Tensor, sizes: Sequence[int]) -> Tensor:
    """x, `sizes` times one after the other along each axis; sizes before x's axes add axes."""
    arguments.tensor(x, "repeat", "x")
    times = arguments.integers(sizes, "repeat: sizes", least=0)
    if len(times) < x.ndim:
        raise ValueError(f"repeat: sizes {times} must be one for each axis of {x.shape}, or more")
    own = (*(1,) * (len(times) - x.ndim), *x.shape)
    shape = tuple(n * size for n, size in zip(times, own, strict=True))
    arguments.result(shape, x.dtype, f"repeat: {x.shape} times {times}")
    apart = tuple(n for size in own for n in (1, size))
    pairs = tuple(n for each in zip(times, own, strict=True) for n in each)
    spread = broadcast_to(reshape(x, apart), pairs)  # (A,B) -> (1,A,1,B) -> (m,A,n,B)
    return reshape(spread, shape)  # (m,A,n,B) -> (m A,n B)


def flip(x: Tensor, dims: int | Sequence[int]) -> Tensor:
    """x with the order along `dims` reversed."""
    arguments.tensor(x, "flip", "x")
    reversed_ = arguments.axes(dims, x.shape, "flip: dims")
    return getitem(x, tuple(slice(None, None, -1 if a in reversed_ else 1) for a in range(x.ndim)))


def roll(x: Tensor, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Tensor:
    """x with its elements moved by `shifts` along `dims`; what passes the end enters at the front.

    Without `dims` the elements are rolled in row-major order.
    """
    arguments.tensor(x, "roll", "x")
    one = isinstance(shifts, int | np.integer)
    moved = arguments.integers((shifts,) if one else shifts, "roll: shifts")
    if dims is None:
        if len(moved) != 1:
            raise ValueError(f"roll: shifts {moved} need as many dims")
        return reshape(_roll(reshape(x, (-1,)), moved, (0,)), x.shape)  # (...) -> (count,) -> (...)
    axes = arguments.axes(dims, x.shape, "roll: dims")
    if len(axes) != len(moved):
        raise ValueError(f"roll: shifts {moved} and dims {axes} must be of one length")
    return _roll(x, moved, axes)


def _roll(x: Tensor, shifts: tuple[int, ...], axes: tuple[int, ...]) -> Tensor:
    within = tuple(s % max(x.shape[a], 1) for s, a in zip(shifts, axes, strict=True))
    data = np.roll(x._array, within, axes)
    return record("roll", data, (x,), shifts=within, axes=axes)


@gradient.rule("roll")
def _roll_rule(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (_roll(gy, tuple(-s for s in node.saved["shifts"]), node.saved["axes"]),)


def split(x: Tensor, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """The parts of x along `dim`, of the sizes of a list, or all of one size but the last."""
    arguments.tensor(x, "split", "x")
    dim = arguments.axis(dim, x.shape, "split: dim")
    length = x.shape[dim]
    if isinstance(split_size, Sequence | np.ndarray):
        sizes = arguments.integers(split_size, "split: split_size", least=0)
        if sum(sizes) != length:
            raise ValueError(f"split: {sizes} must add up to {length}, axis {dim} of {x.shape}")
    else:
        step = arguments.integer(split_size, "split: split_size", least=1)
        sizes = tuple(min(step, length - at) for at in range(0, max(length, 1), min(step, MANY)))
    ends = np.cumsum((0, *sizes)).tolist()
    before = (slice(None),) * dim
    return tuple(getitem(x, (*before, slice(*ends[i : i + 2]))) for i in range(len(sizes)))


MANY = 2**62
"""A step that `range` takes, longer than any axis."""


def chunk(x: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` parts of x along `dim`, of one size but the last, as in PyTorch."""
    arguments.tensor(x, "chunk", "x")
    dim = arguments.axis(dim, x.shape, "chunk: dim")
    count = arguments.integer(chunks, "chunk: chunks", least=1)
    return split(x, max(math.ceil(x.shape[dim] / count), 1), dim)


def unbind(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The parts of x along `dim`, without that axis."""
    arguments.tensor(x, "unbind", "x")
    dim = arguments.axis(dim, x.shape, "unbind: dim")
    return tuple(getitem(x, (*(slice(None),) * dim, i)) for i in range(x.shape[dim]))


def narrow(x: Tensor, dim: int, start: int, length: int) -> Tensor:
    """x[start : start + length] along `dim`."""
    arguments.tensor(x, "narrow", "x")
    dim = arguments.axis(dim, x.shape, "narrow: dim")
    size = x.shape[dim]
    start = arguments.integer(start, "narrow: start", least=-size, most=size)
    start += size if start < 0 else 0
    length = arguments.integer(length, "narrow: length", least=0, most=size - start)
    return getitem(x, (*(slice(None),) * dim, slice(start, start + length)))


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors one after the other along `dim`: `concatenate` under PyTorch's name."""
    return concatenate(tensors, dim)
