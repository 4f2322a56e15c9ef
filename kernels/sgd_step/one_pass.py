"""A step of gradient descent with momentum, in one pass over a parameter.

    v <- momentum v + g + weight_decay w,    w <- w - lr v

Sutskever et al., ICML 2013, in PyTorch's form. 6 operations and 5 values moved per element: bound
by memory, so a pass for each term, as array functions would take, costs several times as much. The
gradient of a matrix may be column-major where the weights are row-major (a linear layer's is): then
all three are walked in tiles, which fit into the nearest cache both ways.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numba
import numpy as np

from kernels.contract.compilation import entry_point, subroutine
from kernels.contract.in_place import in_order_of_memory, one_order, to_change
from kernels.contract.registry import kernel

ROWS, COLUMNS = 64, 8
"""Of a tile; a line of cache from each of 8 columns, which may all compete for the same place."""


@kernel("sgd_step", name="one_pass", into=True, cost=lambda shape: math.prod(shape))
def step(
    w: np.ndarray,
    v: np.ndarray,
    g: np.ndarray,
    *,
    lr: float,
    momentum: float,
    weight_decay: float,
    out: Sequence[np.ndarray] | None = None,
) -> tuple[np.ndarray, ...]:
    """w, v and g of one shape -> (w, v) after the step; out=(w, v) changes them in place.

    Every product and sum is rounded to the arrays' type.
    """
    new_w, new_v = to_change((w, v), out, "sgd_step")
    settings = (w.dtype.type(value) for value in (lr, momentum, weight_decay))
    if not one_order(new_w, new_v, g):
        _tiles(new_w, new_v, g, *settings)
    else:
        _line(*map(in_order_of_memory, (new_w, new_v, g)), *settings)
    return new_w, new_v


@subroutine
def _velocity(w, v, g, momentum, weight_decay):  # type: ignore[no-untyped-def]
    # Without decay an infinite w must not make 0 times infinity.
    return momentum * v + g + (weight_decay * w if weight_decay != 0 else weight_decay)


@entry_point(parallel=True)
def _line(w, v, g, lr, momentum, weight_decay):  # type: ignore[no-untyped-def]
    for i in numba.prange(w.size):
        v[i] = _velocity(w[i], v[i], g[i], momentum, weight_decay)
        w[i] -= lr * v[i]


@entry_point(parallel=True)
def _tiles(w, v, g, lr, momentum, weight_decay):  # type: ignore[no-untyped-def]
    M, N = w.shape
    for block in numba.prange((M + ROWS - 1) // ROWS):
        for left in range(0, N, COLUMNS):
            for m in range(block * ROWS, min((block + 1) * ROWS, M)):
                for n in range(left, min(left + COLUMNS, N)):
                    v[m, n] = _velocity(w[m, n], v[m, n], g[m, n], momentum, weight_decay)
                    w[m, n] -= lr * v[m, n]
