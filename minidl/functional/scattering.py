"""Scatter: values written or added at listed places along an axis, the reverse of `gather`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import device
from minidl.functional import arguments
from minidl.functional.arithmetic import where
from minidl.functional.moving import grid_along
from minidl.functional.shape import _put, getitem
from minidl.tensor import Tensor


def scatter(x: Tensor, dim: int, index: Any, src: Tensor | float) -> Tensor:
    """x with y[i][index[i][j][k]][k] = src[i][j][k] for dim 1.

    index: integers with as many axes as x. src: a number, or a Tensor at least as long as index
    along each axis. ValueError where a place is named twice: which value it has would be left open.
    """
    arguments.tensor(x, "scatter", "x")
    grid = places_along(x, dim, index, "scatter")
    count = np.zeros(x.shape, np.int64)
    np.add.at(count, grid, 1)
    if count.max(initial=0) > 1:
        raise ValueError(
            f"scatter: index names {int((count > 1).sum())} places of {x.shape} more than once; "
            "scatter_add adds their values"
        )
    values = _source(x, src, grid, "scatter")
    return where(device.like(count > 0, x._array), _put(values, grid, x.shape), x)


def scatter_add(x: Tensor, dim: int, index: Any, src: Tensor) -> Tensor:
    """x with src[i][j][k] added to y[i][index[i][j][k]][k] for dim 1, as often as it is named."""
    arguments.tensor(x, "scatter_add", "x")
    arguments.tensor(src, "scatter_add", "src")
    grid = places_along(x, dim, index, "scatter_add")
    return x + _put(_source(x, src, grid, "scatter_add"), grid, x.shape)


def places_along(x: Tensor, dim: int, index: Any, what: str) -> tuple[Any, ...]:
    """The index into x of `index`'s places along `dim`, and of its own along the other axes."""
    grid = grid_along(x, dim, index, what)
    return tuple(np.broadcast_arrays(*grid)) if grid else ()


def _source(x: Tensor, src: Tensor | float, grid: tuple[Any, ...], what: str) -> Tensor:
    """The part of src that is scattered, of the index's shape."""
    shape = grid[0].shape if grid else ()
    if not isinstance(src, Tensor):
        value = arguments.number(src, f"{what}: src")
        return x._holding(np.full_like(x._array, value, shape=shape))
    if src.dtype != x.dtype:
        raise TypeError(f"{what}: src is {src.dtype} {src.shape}, x {x.dtype} {x.shape}")
    if src.ndim != len(shape) or any(n > m for n, m in zip(shape, src.shape, strict=True)):
        raise ValueError(f"{what}: src {src.shape} must be at least as long as index {shape}")
    return getitem(src, tuple(slice(n) for n in shape))
