"""A step of gradient descent with momentum, in one pass over a parameter.

    v <- momentum v + g + weight_decay w,    w <- w - lr v

Sutskever et al., ICML 2013, in PyTorch's form. 6 operations and 5 values moved an element: bound by
memory, so a pass for each term, as array functions would take, costs several times as much. The
gradient of a matrix may lie in memory the other way round (a linear layer's does): then all three
are walked in tiles, which fit into the nearest cache both ways.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels import memory, threads

ROWS, COLUMNS = 64, 8
"""Of a tile; a line of cache from each of 8 columns, which may all compete for the same place."""


def descend(
    w: np.ndarray, v: np.ndarray, g: np.ndarray, *, lr: float, momentum: float, weight_decay: float
) -> None:
    """Change w and v in place by the gradient g; three arrays of one shape and float type.

    Every product and sum is rounded to that type. ValueError if the shapes differ, TypeError if the
    types do.
    """
    if not w.shape == v.shape == g.shape:
        raise ValueError(f"descend: w {w.shape}, v {v.shape} and g {g.shape} must be of one shape")
    number = memory.common_float((w, v, g), "descend").type
    settings = number(lr), number(momentum), number(weight_decay)
    own_w, own_v = w, v
    w, v, g = memory.admit(w), memory.admit(v), memory.admit(g)
    with threads.region():
        if w.ndim != 2 or _one_order(w, v, g):
            _line(_flat(w), _flat(v), _flat(g), *settings)
        else:
            _tiles(w, v, g, *settings)
    for own, changed in ((own_w, w), (own_v, v)):
        if changed is not own:
            own[...] = changed


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
