"""Matrix products of a Winograd convolution, one at each point, shared out among the threads.

    M[p] (T,K) = V[p] (T,C) U[p] (C,K)          of a convolution and its input's gradient
    W[p] (K,C) += Y[p]^T (K,T) V[p] (T,C)       of the weights' gradient

for the T tiles of a chunk. A unit is a point and a panel; each thread has units of about the same
work (`tiles.shares`).
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.cpu.micro_kernel import EVEN, TALL, next_panel, outer_even, outer_even_2, outer_rows
from kernels.cpu.vector import LINE, lanes_of
from kernels.winograd import layout
from kernels.winograd.layout import Array, Integer, Panels, Product, inlined


@numba.njit(parallel=True, cache=True)
def multiply(V: Array, U: Array, u_begins: Array, M: Array, parameters: Array, parts: int) -> None:
    """M[p] = V[p] U[p]: (rows,LINE depth) x (LINE depth,panels 2L) -> (panels,rows,2L)."""
    for part in numba.prange(parts):
        _multiply_units(V, U, u_begins, M, parameters.copy(), np.int64(part))


@numba.njit(cache=True)
def _multiply_units(
    V: Array, U: Array, u_begins: Array, M: Array, parameters: Array, part: Integer
) -> None:
    """One thread's units, each a point and a panel of outputs: about the same work."""
    product, width = layout.product(parameters), 2 * lanes_of(V)
    for unit in range(product.bounds[part], product.bounds[part + 1]):
        p, panel = product.units[unit, 0], product.units[unit, 1]
        rows, depth = product.rows[p], product.depth[p]
        b = u_begins[p] + panel * depth * LINE * width
        c = product.m_begins[p] + panel * rows * width
        for row in range(0, rows, TALL):
            further = next_panel(depth * LINE * width, LINE * width, row // TALL)
            some, a = min(TALL, rows - row), product.v_begins[p] + row * LINE
            # (some,LINE depth) x (LINE depth,2L) -> M (some,2L)
            outer_rows(some, V, a, rows * LINE, U, b,
                       M, c + row * width, width, depth, 0, False, further)  # fmt: skip


@numba.njit(parallel=True, cache=True)
def accumulate(
    Y: Array, V: Array, W: Array, sums: Array, parameters: Array, parts: int, add: bool
) -> None:
    """W[p] = Y[p]^T V[p], or added: (LINE lines,rows) x (rows,width) -> (panels,LINE lines,width).

    sums: the packed `Panels` of W.
    """
    for part in numba.prange(parts):
        _accumulate_units(Y, V, W, sums.copy(), parameters.copy(), np.int64(part), add)


@numba.njit(cache=True)
def _accumulate_units(
    Y: Array, V: Array, W: Array, sums: Array, parameters: Array, part: Integer, add: bool
) -> None:
    """One thread's units, each a point and a panel of input channels."""
    product, panels = layout.product(parameters), layout.panels(sums)
    for unit in range(product.bounds[part], product.bounds[part + 1]):
        p, panel = product.units[unit, 0], product.units[unit, 1]
        _accumulate_panel(Y, V, W, product, panels, p, panel, add)


@inlined
def _accumulate_panel(
    Y: Array, V: Array, W: Array, product: Product, panels: Panels, p: int, panel: int, add: bool
) -> None:
    """(EVEN,rows) x (rows,width) for every EVEN of the rows of W[p]'s panel."""
    count, width = product.rows[p], panels.width
    steps, tail = count // LINE, count % LINE
    b = product.v_begins[p] + panel * count * width
    c = panels.begins[p] + panel * panels.rows[p] * width
    for row in range(0, panels.rows[p], EVEN):
        a = product.m_begins[p] + row // LINE * count * LINE + row % LINE
        further = next_panel(count * width, LINE * width, row // EVEN)
        to = c + row * width
        if width == 3 * lanes_of(V):
            outer_even(Y, a, LINE * LINE, V, b, W, to, width, steps, tail, add,
                       further)  # fmt: skip
        else:
            outer_even_2(Y, a, LINE * LINE, V, b, W, to, width, steps, tail, add,
                         further)  # fmt: skip
