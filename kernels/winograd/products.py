"""Matrix products of a Winograd convolution, one at each point, shared out among the threads.

    M[p] (T,K) = V[p] (T,C) U[p] (C,K)          of a convolution and its input's gradient
    W[p] (K,C) += Y[p]^T (K,T) V[p] (T,C)       of the weights' gradient

for the T tiles of a chunk. A unit is a point and a panel; each thread has units of about the same
work (`jobs.shares`).
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract.compilation import entry_point, inlined, subroutine
from kernels.cpu.micro_kernel import (
    MR,
    MR_T,
    outer_packed_rows,
    outer_transposed,
    outer_transposed_2,
    prefetch_distance,
)
from kernels.cpu.vector import KR, lanes_of
from kernels.winograd import layout
from kernels.winograd.layout import Array, Integer, Panels, Product


@entry_point(parallel=True)
def multiply(V: Array, U: Array, u_begins: Array, M: Array, parameters: Array, parts: int) -> None:
    """M[p] = V[p] U[p]: (rows,KR depth) x (KR depth,panels 2L) -> (panels,rows,2L)."""
    for part in numba.prange(parts):
        _multiply_units(V, U, u_begins, M, parameters.copy(), np.int64(part))


@subroutine
def _multiply_units(
    V: Array, U: Array, u_begins: Array, M: Array, parameters: Array, part: Integer
) -> None:
    """One thread's units, each a point and a panel of outputs: about the same work."""
    product, width = layout.product(parameters), 2 * lanes_of(V)
    for unit in range(product.bounds[part], product.bounds[part + 1]):
        p, panel = product.units[unit, 0], product.units[unit, 1]
        rows, depth = product.rows[p], product.depth[p]
        b = u_begins[p] + panel * depth * KR * width
        c = product.m_begins[p] + panel * rows * width
        for row in range(0, rows, MR):
            further = prefetch_distance(depth * KR * width, KR * width, row // MR)
            some, a = min(MR, rows - row), product.v_begins[p] + row * KR
            # (some,KR depth) x (KR depth,2L) -> M (some,2L)
            outer_packed_rows(some, V, a, rows * KR, U, b,
                       M, c + row * width, width, depth, 0, False, further)  # fmt: skip


@entry_point(parallel=True)
def accumulate(
    Y: Array, V: Array, W: Array, sums: Array, parameters: Array, parts: int, add: bool
) -> None:
    """W[p] = Y[p]^T V[p], or added: (KR lines,rows) x (rows,width) -> (panels,KR lines,width).

    sums: the packed `Panels` of W.
    """
    for part in numba.prange(parts):
        _accumulate_units(Y, V, W, sums.copy(), parameters.copy(), np.int64(part), add)


@subroutine
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
    """(MR_T,rows) x (rows,width) for every MR_T of the rows of W[p]'s panel."""
    count, width = product.rows[p], panels.width
    steps, tail = count // KR, count % KR
    b = product.v_begins[p] + panel * count * width
    c = panels.begins[p] + panel * panels.rows[p] * width
    for row in range(0, panels.rows[p], MR_T):
        a = product.m_begins[p] + row // KR * count * KR + row % KR
        further = prefetch_distance(count * width, KR * width, row // MR_T)
        to = c + row * width
        if width == 3 * lanes_of(V):
            outer_transposed(Y, a, KR * KR, V, b, W, to, width, steps, tail, add,
                       further)  # fmt: skip
        else:
            outer_transposed_2(Y, a, KR * KR, V, b, W, to, width, steps, tail, add,
                         further)  # fmt: skip
