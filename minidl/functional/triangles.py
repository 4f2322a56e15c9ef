"""Triangles and diagonals of matrices."""

from __future__ import annotations

import numpy as np

from minidl import device
from minidl.functional import arguments
from minidl.functional.arithmetic import where
from minidl.functional.shape import _put, getitem
from minidl.tensor import Tensor


def tril(x: Tensor, diagonal: int = 0) -> Tensor:
    """x (...,M,N) with zeros above the diagonal, or above a diagonal parallel to it."""
    return _triangle(x, diagonal, "tril")


def triu(x: Tensor, diagonal: int = 0) -> Tensor:
    """x (...,M,N) with zeros below the diagonal, or below a diagonal parallel to it."""
    return _triangle(x, diagonal, "triu")


def _triangle(x: Tensor, diagonal: int, what: str) -> Tensor:
    arguments.tensor(x, what, "x")
    k = arguments.integer(diagonal, f"{what}: diagonal", -arguments.LONGEST, arguments.LONGEST)
    if x.ndim < 2:
        raise ValueError(f"{what}: takes matrices (...,M,N), got the shape {x.shape}")
    M, N = x.shape[-2:]
    lower = np.tri(M, N, k if what == "tril" else k - 1, bool)
    kept = lower if what == "tril" else ~lower
    return where(device.like(np.broadcast_to(kept, x.shape), x._array), x, 0)


def diag(x: Tensor, diagonal: int = 0) -> Tensor:
    """A diagonal of a matrix (M,N), or a square matrix with x (n,) as a diagonal."""
    arguments.tensor(x, "diag", "x")
    k = arguments.integer(diagonal, "diag: diagonal", -arguments.LONGEST, arguments.LONGEST)
    down, right = max(-k, 0), max(k, 0)
    if x.ndim == 1:
        n = x.shape[0] + abs(k)
        arguments.result((n, n), x.dtype, f"diag: {x.shape} as diagonal {k}")
        places = np.arange(x.shape[0])
        return _put(x, (places + down, places + right), (n, n))
    if x.ndim != 2:
        raise ValueError(f"diag: takes one axis or two, got the shape {x.shape}")
    places = np.arange(max(min(x.shape[0] - down, x.shape[1] - right), 0))
    return getitem(x, (places + down, places + right))
