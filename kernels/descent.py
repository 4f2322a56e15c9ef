"""A step of gradient descent with momentum, in one pass over a parameter.

    v <- momentum v + g + weight_decay w,    w <- w - lr v

Sutskever et al., ICML 2013, in PyTorch's form. 6 operations and 5 values moved an element: bound by
memory, so a pass for each term, as array functions would take, costs several times as much. The
gradient of a matrix may lie in memory the other way round (a linear layer's does): then all three
are walked in tiles, which fit into the nearest cache both ways. On a device the same pass is
`cuda/descent.cu`.

A step over many parameters is got `ready` for all of them before the first is changed: what may
fail, for want of memory above all, then leaves every one as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import numba
import numpy as np

from kernels.contract import memory, threads
from kernels.contract.arrays import device_kind
from kernels.cuda import descent as on_device

ROWS, COLUMNS = 64, 8
"""Of a tile; a line of cache from each of 8 columns, which may all compete for the same place."""


def descend(
    w: np.ndarray, v: np.ndarray, g: np.ndarray, *, lr: float, momentum: float, weight_decay: float
) -> None:
    """Change w and v in place by the gradient g; three arrays of one shape and float type.

    Every product and sum is rounded to that type. ValueError if the shapes differ, TypeError if the
    types or the devices do.
    """
    ready(w, v, g, lr=lr, momentum=momentum, weight_decay=weight_decay)()


def ready(
    w: np.ndarray, v: np.ndarray, g: np.ndarray, *, lr: float, momentum: float, weight_decay: float
) -> Callable[[], None]:
    """The same step, to be made by calling what is returned, which needs no memory.

    Raises as `descend`, and MemoryError: w and v are then as they were.
    """
    if not w.shape == v.shape == g.shape:
        raise ValueError(f"descend: w {w.shape}, v {v.shape} and g {g.shape} must be of one shape")
    number = memory.common_float((w, v, g), "descend").type
    settings = number(lr), number(momentum), number(weight_decay)
    kinds = {str(device_kind(a)) for a in (w, v, g)}
    if len(kinds) != 1:
        raise TypeError(
            f"descend: w, v and g lie on {' and '.join(sorted(kinds))}; on one they fit"
        )
    admitted = tuple(memory.admit(a) for a in (w, v, g))
    if kinds != {"cpu"}:
        admitted = _alike(*admitted)
    return partial(_step, (w, v), admitted, settings)


def _step(
    own: tuple[np.ndarray, ...], admitted: tuple[np.ndarray, ...], settings: tuple[np.number, ...]
) -> None:
    """Change what the door admitted, and bring it back where that was a copy."""
    with threads.region():
        if admitted[0].ndim == 2 and not _one_order(*admitted):
            _tiles(*admitted, *settings)
        elif device_kind(admitted[0]) == "cpu":
            _line(*map(_flat, admitted), *settings)
        else:
            on_device.line(*map(_flat, admitted), *settings)
    for array, changed in zip(own, admitted[:2], strict=True):
        if changed is not array:
            array[...] = changed


def _alike(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """Matrices of a device in the first one's order of memory; the others are copied."""
    if arrays[0].ndim != 2 or _one_order(*arrays):
        return arrays
    order: Literal["C", "F"] = "C" if arrays[0].flags.c_contiguous else "F"
    return tuple(a.astype(a.dtype, order=order, copy=False) for a in arrays)


def _one_order(*matrices: np.ndarray) -> bool:
    """Are all of them row-major, or all column-major?"""
    rows = all(a.flags.c_contiguous for a in matrices)
    return rows or all(a.flags.f_contiguous for a in matrices)


def _flat(a: np.ndarray) -> np.ndarray:
    """The elements of an admitted array in the order of its memory, the same memory."""
    return memory.flat(a.T if a.ndim == 2 and a.flags.f_contiguous else a)


@numba.njit(cache=True)
def _velocity(w, v, g, momentum, weight_decay):  # type: ignore[no-untyped-def]
    # Without decay an infinite w must not make 0 times infinity.
    return momentum * v + g + (weight_decay * w if weight_decay != 0 else weight_decay)


@numba.njit(parallel=True, cache=True)
def _line(w, v, g, lr, momentum, weight_decay):  # type: ignore[no-untyped-def]
    for i in numba.prange(w.size):
        v[i] = _velocity(w[i], v[i], g[i], momentum, weight_decay)
        w[i] -= lr * v[i]


@numba.njit(parallel=True, cache=True)
def _tiles(w, v, g, lr, momentum, weight_decay):  # type: ignore[no-untyped-def]
    M, N = w.shape
    for block in numba.prange((M + ROWS - 1) // ROWS):
        for left in range(0, N, COLUMNS):
            for m in range(block * ROWS, min((block + 1) * ROWS, M)):
                for n in range(left, min(left + COLUMNS, N)):
                    v[m, n] = _velocity(w[m, n], v[m, n], g[m, n], momentum, weight_decay)
                    w[m, n] -= lr * v[m, n]
