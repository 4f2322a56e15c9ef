"""Filter transform of a Winograd convolution: U[p] (C,K) = G g G^T, packed for the products.

U is up to 64 / 9 times as large as 3x3 filters g. Where it is kept, or serves many tiles, it is
written once (`transform_filter`) and multiplied by (`products.multiply`). For one image or a few,
writing and reading it would take longer than the products: then each thread transforms as much of
the filters as its cache holds and multiplies by it at once (`multiply_once`), the sums in the same
order.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from kernels.contract.compilation import entry_point, inlined, subroutine
from kernels.cpu.combine import combine
from kernels.cpu.micro_kernel import MR, outer_packed_rows
from kernels.cpu.vector import KR, lanes_of
from kernels.winograd import layout
from kernels.winograd.layout import (
    SQUARE,
    Array,
    Integer,
    Panels,
    Product,
    Taps,
    Tiling,
)
from kernels.winograd.locate import Block, panels_of, share, sized, square
from kernels.winograd.taps import FilterPanel, block_in_place, copy_taps, lacks_taps, taps_of
from kernels.winograd.toom_cook import MOST, filter_family

AT_ONCE = 4
"""Panels of inputs whose filters are transformed, then used, where that is done only once."""

_g = combine(filter_family())
_g_scattered = combine(filter_family(), scatter=True)


class Buffers(NamedTuple):
    """A thread's memory for one panel."""

    taps: Array
    """(r1,r2,KR,2L): of filters that are not read in place."""
    half: Array
    """(n1,r2,L): after the transform of one axis."""
    at: Array
    """(MOST,MOST): where U goes, by products of the largest tile."""


@inlined
def _new_buffers(w: Array) -> Buffers:
    taps = np.zeros(SQUARE * KR * 2 * lanes_of(w), w.dtype)
    return Buffers(taps, np.empty(SQUARE * KR, w.dtype), np.empty((MOST, MOST), np.int64))


@entry_point(parallel=True)
def transform_filter(w: Array, parameters: Array, U: Array, parts: int) -> None:
    """U = G g G^T of the filters' taps that each pair of phases has, from w, flat.

    U[p] is packed as (out phases panels,rows[p],KR,2L), where rows[p] are the phases' panels of
    inputs.
    """
    for part in numba.prange(parts):
        _filter_share(w, parameters.copy(), U, np.int64(part), parts)


@subroutine
def _filter_share(w: Array, parameters: Array, U: Array, part: Integer, parts: int) -> None:
    """One thread's share of the panels."""
    tiling, taps = layout.tiling(parameters), layout.taps(parameters)
    panels = layout.panels(parameters)
    outputs, inputs = _filter_panels(tiling, taps, w)
    buffers = _new_buffers(w)
    first, last = share(outputs * inputs, part, parts)
    for unit in range(first, last):
        # Neighbours in the memory of w, one after the other.
        if taps.by_output == 1:
            out_panel, in_panel = unit % outputs, unit // outputs
        else:
            out_panel, in_panel = unit // inputs, unit % inputs
        for f in range(len(tiling.phases)):
            _locate_filters(tiling, panels, f, out_panel, in_panel, inputs, buffers.at)
            _filter_panel(w, tiling, taps, f, out_panel, in_panel, U, buffers)


@inlined
def _locate_filters(
    tiling: Tiling, panels: Panels, f: int, out_panel: int, in_panel: int, inputs: int, at: Array
) -> None:
    """at (n1,n2): where a panel of outputs and one of phase f's `inputs` panels is packed."""
    n1, n2 = filter_products(tiling, f)
    for i in range(n1):
        for j in range(n2):
            p = square(i, j, n1, n2)
            row = out_panel * panels.rows[p] + tiling.ordinals[f, p] * inputs + in_panel
            at[i, j] = panels.begins[p] + row * KR * panels.width


@inlined
def filter_products(tiling: Tiling, f: int) -> tuple[int, int]:
    """(n1, n2): products along both axes of phase f in the largest tile."""
    n1 = tiling.largest[0] + tiling.phases[f, 0] - 1
    n2 = tiling.largest[1] + tiling.phases[f, 1] - 1
    return n1, n2


@inlined
def _filter_panels(tiling: Tiling, taps: Taps, w: Array) -> tuple[int, int]:
    """Panels of outputs, of all their phases, and of inputs."""
    outputs = len(tiling.out_phases) * panels_of(taps.outputs, 2 * lanes_of(w))
    return outputs, panels_of(taps.inputs, KR)


@inlined
def _filter_panel(
    w: Array,
    tiling: Tiling,
    taps: Taps,
    f: int,
    out_panel: int,
    in_panel: int,
    U: Array,
    buffers: Buffers,
) -> None:
    """Phase f of a panel of inputs, for a panel of outputs of one phase: (KR,2L) at each point.

    Where outputs are neighbours in w and the panels are whole, taps are read in place; else they
    are copied first.
    """
    lanes, width = lanes_of(w), 2 * lanes_of(w)
    each = panels_of(taps.outputs, width)
    panel = FilterPanel(f, out_panel // each, out_panel % each * width, in_panel * KR)
    rows, columns = taps_of(tiling, panel)
    (n1, n2), r1, r2 = filter_products(tiling, f), rows.size, columns.size
    whole = panel.i + KR <= taps.inputs and panel.o + width <= taps.outputs
    if taps.by_output != 1 or not whole or lacks_taps(rows) or lacks_taps(columns):
        copy_taps(w, taps, rows, columns, panel, buffers.taps)
        for e in range(0, KR * width, lanes):
            block = Block(e, r1, r2, r2 * KR * width, KR * width)
            _filter_vector(buffers.taps, block, n1, n2, buffers, U, e)
        return
    for c in range(KR):
        for k in range(0, width, lanes):
            block = block_in_place(taps, rows, columns, panel.o + k, panel.i + c)
            _filter_vector(w, block, n1, n2, buffers, U, c * width + k)


@subroutine
def _filter_vector(
    source: Array, block: Block, n1: int, n2: int, buffers: Buffers, U: Array, e: int
) -> None:
    """G g G^T of a vector of outputs, to `e` elements behind the places at (n1,n2)."""
    lanes, (begin, r1, r2, down, across) = lanes_of(U), block
    half = buffers.half
    for j in range(r2):  # (n1,r1) x (r1,r2) -> half (n1,r2)
        _g(sized(r1, n1), source, begin + j * across, down, half, j * lanes, r2 * lanes)
    for i in range(n1):  # (n1,r2) x (r2,n2) -> U at (n1,n2)
        _g_scattered(sized(r2, n2), half, i * r2 * lanes, lanes, U, e, buffers.at, i, False)


@entry_point(parallel=True)
def multiply_once(
    V: Array, w: Array, filters: Array, M: Array, parameters: Array, parts: int
) -> None:
    """M[p] = V[p] U[p] as `multiply` does it, of filters that are transformed as they are needed.

    Each thread has a share of the panels of outputs; of AT_ONCE panels of inputs it transforms the
    filters for one of them and adds their products, then for the next. filters: the packed
    parameters of `transform_filter`.
    """
    for part in numba.prange(parts):
        _multiply_share(V, w, filters.copy(), M, parameters.copy(), np.int64(part), parts)


@subroutine
def _multiply_share(
    V: Array, w: Array, filters: Array, M: Array, parameters: Array, part: Integer, parts: int
) -> None:
    """One thread's share of the panels of outputs; sums in the order of `multiply`."""
    tiling, taps = layout.tiling(filters), layout.taps(filters)
    product = layout.product(parameters)
    outputs, inputs = _filter_panels(tiling, taps, w)
    first, last = share(outputs, part, parts)
    plane, buffers = KR * 2 * lanes_of(w), _new_buffers(w)
    # A line more from point to point: else all their filters would fall on a few sets of a cache.
    each = AT_ONCE * plane + KR
    U = np.empty(SQUARE * each, w.dtype)
    for f in range(len(tiling.phases)):
        for in_panel in range(0, inputs, AT_ONCE):
            count = min(AT_ONCE, inputs - in_panel)
            for out_panel in range(first, last):
                for line in range(count):
                    _locate_at_once(tiling, f, each, line * plane, buffers.at)
                    _filter_panel(w, tiling, taps, f, out_panel, in_panel + line, U, buffers)
                for p in range(SQUARE):
                    if tiling.ordinals[f, p] >= 0:
                        line = tiling.ordinals[f, p] * inputs + in_panel
                        _multiply_panel(V, U, p * each, M, product, p, out_panel, line, count)


@inlined
def _locate_at_once(tiling: Tiling, f: int, each: int, behind: int, at: Array) -> None:
    """at (n1,n2): `each` elements from point to point."""
    n1, n2 = filter_products(tiling, f)
    for i in range(n1):
        for j in range(n2):
            at[i, j] = square(i, j, n1, n2) * each + behind


@inlined
def _multiply_panel(
    V: Array,
    U: Array,
    u_begin: int,
    M: Array,
    product: Product,
    p: int,
    out_panel: int,
    line: int,
    count: int,
) -> None:
    """M[p]'s panel of outputs = or += the product of `count` panels of V[p], from `line` on."""
    rows, width = product.rows[p], 2 * lanes_of(V)
    a = product.v_begins[p] + line * rows * KR
    c = product.m_begins[p] + out_panel * rows * width
    for row in range(0, rows, MR):
        some = min(MR, rows - row)
        # (some,KR count) x (KR count,2L) -> M (some,2L)
        outer_packed_rows(some, V, a + row * KR, rows * KR, U, u_begin,
                   M, c + row * width, width, count, 0, line > 0, 0)  # fmt: skip
