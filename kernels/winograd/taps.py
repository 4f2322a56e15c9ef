"""Taps of one panel of filters: read in place, or copied from filters of any strides."""

from __future__ import annotations

from typing import NamedTuple

from kernels.contract.compilation import inlined, subroutine
from kernels.cpu.lines import copy_run
from kernels.cpu.vector import KR, lanes_of, transpose_square
from kernels.winograd.layout import Array, Integer, Taps, Tiling
from kernels.winograd.locate import Block
from kernels.winograd.toom_cook import MOST


class FilterPanel(NamedTuple):
    """KR inputs of phase f from i on, for 2L outputs of phase q from o on."""

    f: int
    q: int
    o: Integer
    i: Integer


@inlined
def taps_of(tiling: Tiling, panel: FilterPanel) -> tuple[Array, Array]:
    """The filter's taps along both axes that a pair of phases has: (r1,), (r2,)."""
    taps = tiling.taps[panel.f * len(tiling.out_phases) + panel.q]
    r1, r2 = tiling.phases[panel.f, 0], tiling.phases[panel.f, 1]
    return taps[:r1], taps[MOST : MOST + r2]


@inlined
def lacks_taps(taps: Array) -> bool:
    """Whether the filter has not all of a phase's taps along an axis."""
    missing = False
    for tap in taps:
        missing |= tap < 0
    return missing


@inlined
def block_in_place(taps: Taps, rows: Array, columns: Array, o: int, i: int) -> Block:
    """The taps (r1,r2) of an output and an input: a phase's are all the same number of taps apart.

    Only for phases all of whose taps the filter has.
    """
    r1, r2 = rows.size, columns.size
    down = (rows[1] - rows[0]) * taps.by_row if r1 > 1 else 0
    across = (columns[1] - columns[0]) * taps.by_column if r2 > 1 else 0
    return Block(_tap(taps, o, i, rows[0], columns[0]), r1, r2, down, across)


@inlined
def _tap(taps: Taps, o: int, i: int, row: int, column: int) -> int:
    """The element of one tap."""
    channels = o * taps.by_output + i * taps.by_input
    return channels + row * taps.by_row + column * taps.by_column


@subroutine
def copy_taps(
    w: Array, taps: Taps, rows: Array, columns: Array, panel: FilterPanel, to: Array
) -> None:
    """to (r1,r2,KR,2L) = a panel's taps, 0 where the filter has none."""
    plane = KR * 2 * lanes_of(w)
    for a in range(rows.size):
        for b in range(columns.size):
            at = (a * columns.size + b) * plane
            if rows[a] < 0 or columns[b] < 0:
                for e in range(plane):
                    to[at + e] = 0
            else:
                source = _tap(taps, panel.o, panel.i, rows[a], columns[b])
                _copy_channels(w, taps, source, panel, to, at)


@subroutine
def _copy_channels(
    w: Array, taps: Taps, source: int, panel: FilterPanel, to: Array, at: int
) -> None:
    """One tap of a panel's filters: to (KR,2L), along the memory of w, in which one stride is 1.

    Rows of a panel that is not whole keep what they hold beyond its channels.
    """
    lanes, width = lanes_of(w), 2 * lanes_of(w)
    outputs, inputs = min(width, taps.outputs - panel.o), min(KR, taps.inputs - panel.i)
    if taps.by_output == 1:
        for c in range(inputs):
            copy_run(w, source + c * taps.by_input, to, at + c * width, outputs)
    elif taps.by_input == 1 and outputs == width and inputs == KR:
        for k in range(0, width, lanes):
            for c in range(0, KR, lanes):  # (L,L) transposed
                transpose_square(w, source + k * taps.by_output + c, taps.by_output, to,
                     at + c * width + k, width)  # fmt: skip
    else:
        for k in range(outputs):
            for c in range(inputs):
                to[at + c * width + k] = w[source + k * taps.by_output + c * taps.by_input]
