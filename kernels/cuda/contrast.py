"""Shared host part of local contrast normalisation and its gradient on CUDA.

Every intermediate value is a map of one float64 per pixel, (N,H,W). Maps are blurred in tiles, or
summed with one block per sample (`include/contrast.cuh`). The window and its coverage are copied to
the device once for each geometry.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from kernels.contract import memory
from kernels.contract.arrays import device_kind, place
from kernels.contract.norm_geometry import LCNGeometry
from kernels.cuda.grids import blocks, threads
from kernels.cuda.planes import WARP
from kernels.cuda.program import MOST_THREADS, Three

ROWS, COLUMNS = 4, 64
"""Of a tile, at most: `MOST_ROWS` of the header, and columns that leave room for the halo."""
MAP = np.dtype([(name, np.int32) for name in ("N", "H", "W", "half")])


def map_struct(g: LCNGeometry) -> np.void:
    """`Map` of contrast.cuh."""
    return np.array([(g.N, g.H, g.W, g.size // 2)], MAP)[0]


def new_map(g: LCNGeometry, like: Any) -> Any:
    """(N,H,W) float64 on the device of `like`, to be filled."""
    return memory.empty(g.plane_shape, np.float64, like=like)


def settings(g: LCNGeometry, like: Any) -> tuple[Any, Any]:
    """(window (size,), coverage (H,W)), float64 on the device of `like`; None for "zero"'s."""
    kind = device_kind(like)
    assert kind is not None
    return _settings(replace(g, N=1, C=1), kind)


@lru_cache(maxsize=64)
def _settings(g: LCNGeometry, kind: str) -> tuple[Any, Any]:
    coverage = place(g.coverage(), kind) if g.border == "corrected" else None
    return place(g.window(), kind), coverage


def over_tiles(g: LCNGeometry) -> tuple[Three, Three]:
    """(grid, block) for `each_windowed`."""
    wide, high = min(g.W, threads(COLUMNS)), min(g.H, ROWS)
    strips = g.N * -(-g.H // high)
    return (blocks(strips, 1), blocks(g.W, wide), 1), (wide, high, 1)


def over_samples(g: LCNGeometry) -> tuple[Three, Three]:
    """(grid, block) for a sample a block, of whole warps: they exchange partial sums."""
    warps = min(-(-g.H * g.W // WARP), MOST_THREADS // WARP)
    return (blocks(g.N, 1), 1, 1), (warps * WARP, 1, 1)
