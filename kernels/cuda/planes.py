"""How CUDA's threads lie over planes in channels-last memory (`include/planes.cuh`).

Neighbouring threads take neighbouring channels, each 16 bytes of them where their number allows it,
and a kernel is compiled for both: "scan<float, 4>" and "scan<float, 1>". A block is as wide as a
pixel has channels, so the next row of its threads goes on where the first one ends in memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from kernels.contract.memory import VECTOR
from kernels.cuda.grids import blocks, threads
from kernels.cuda.program import Three, ctype
from kernels.cuda.rates import Work

THREADS = 256
"""Of a block, at most."""
WARP = 32


def traffic(values: float, launches: int = 1) -> Work:
    """The work of kernels that memory limits, for so many float32 read and written in all."""
    return Work(elements=values, launches=launches)


def lanes(dtype: DTypeLike, channels: int) -> int:
    """Channels that a thread takes at a time: what 16 bytes hold if that divides them, else 1."""
    most = VECTOR // np.dtype(dtype).itemsize
    return most if channels % most == 0 else 1


def instances(*names: str) -> tuple[str, ...]:
    """Every instance of kernels that are templates of a type and a number of channels."""
    both = ((t, n) for t in (np.float32, np.float64) for n in (VECTOR // np.dtype(t).itemsize, 1))
    return tuple(f"{name}<{ctype(t)}, {n}>" for t, n in both for name in names)


def instance(name: str, dtype: DTypeLike, channels: int) -> str:
    """The instance for arrays of that type with so many channels."""
    return f"{name}<{ctype(dtype)}, {lanes(dtype, channels)}>"


def over_pixels(rows: int, columns: int, vectors: int) -> tuple[Three, Three]:
    """(grid, block) for `each_pixel`: a thread for each of `vectors` vectors of each pixel."""
    wide = _shares(vectors, THREADS)
    high = _shares(columns, THREADS // wide)
    return (blocks(rows, 1), blocks(columns, high), blocks(vectors, wide)), (wide, high, 1)


def _shares(count: int, most: int) -> int:
    """The size of equal shares of `count`, as few as there can be with at most `most` in one."""
    return -(-count // -(-count // most))


def over_groups(pixels: int, vectors: int) -> tuple[Three, Three]:
    """(grid, block) for `each_group`: threads of one warp, a power of two, share a pixel.

    The block's first axis are these; whole warps, since they exchange values.
    """
    wide = min(_power_of_two(vectors), WARP)
    high = max(WARP // wide, min(THREADS // wide, _power_of_two(pixels)))
    return (blocks(pixels, high), 1, 1), (wide, high, 1)


def over_lines(pixels: int, channels: int) -> tuple[Three, Three]:
    """(grid, block) for `each_group` where a block shares its pixels' lines: of any number.

    Beyond `THREADS` channels a block has one line.
    """
    wide = _shares(channels, THREADS)
    high = min(THREADS // wide, pixels)
    return (blocks(pixels, high), 1, 1), (wide, high, 1)


def over_all(count: int) -> tuple[Three, Three]:
    """(grid, block) for one thread an element."""
    each = min(count, threads(THREADS))
    return (blocks(count, each), 1, 1), (each, 1, 1)


def _power_of_two(count: int) -> int:
    """The least that is no less than count."""
    return 1 << (count - 1).bit_length()
