"""Mapping of CUDA threads to planes in channels-last memory (`include/planes.cuh`).

Neighbouring threads process neighbouring channels: 16 bytes each if the number of channels allows
it, else one. A kernel is compiled for both: "scan<float, 4>" and "scan<float, 1>". The block's
first axis spans the channels of a pixel, so consecutive rows of threads are contiguous in memory.
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
    """The work of memory-bound kernels that read and write so many float32 in all."""
    return Work(elements=values, launches=launches)


def lanes(dtype: DTypeLike, channels: int) -> int:
    """Channels of a thread at a time: as many as 16 bytes hold if that divides them, else 1."""
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
    """The size of equal shares of `count`: the fewest shares of at most `most` each."""
    return -(-count // -(-count // most))


def over_groups(pixels: int, vectors: int) -> tuple[Three, Three]:
    """(grid, block) for `each_group`: threads of one warp, a power of two, share a pixel.

    They are the block's first axis. Blocks are whole warps, since their threads exchange values.
    """
    wide = min(_power_of_two(vectors), WARP)
    high = max(WARP // wide, min(THREADS // wide, _power_of_two(pixels)))
    return (blocks(pixels, high), 1, 1), (wide, high, 1)


def over_lines(pixels: int, channels: int) -> tuple[Three, Three]:
    """(grid, block) for `each_group` with a pixel's channels staged in a line of shared memory.

    The width need not be a power of two. Beyond `THREADS` channels a block has one line.
    """
    wide = _shares(channels, THREADS)
    high = min(THREADS // wide, pixels)
    return (blocks(pixels, high), 1, 1), (wide, high, 1)


def over_all(count: int) -> tuple[Three, Three]:
    """(grid, block) for one thread per element."""
    each = min(count, threads(THREADS))
    return (blocks(count, each), 1, 1), (each, 1, 1)


def _power_of_two(count: int) -> int:
    """The least power of two that is not below `count`."""
    return 1 << (count - 1).bit_length()
