"""Patches of planes on CUDA: cropped, overlaid, filled outside (`kernels/patches.py`).

No arithmetic: each value of the result is read and written once, 8 bytes in float32; limited by
memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.contract.arrays import device_kind, place
from kernels.cuda.grids import blocks
from kernels.cuda.packs import instances, pack
from kernels.cuda.program import Program

BLOCK = 256
PROGRAM = Program(__file__, entries=instances("lay"), block=(BLOCK, 1, 1))
PATCHES = np.dtype(
    [(name, np.int32) for name in ("N", "h", "w", "H", "W", "C", "planes", "a", "b")]
)
"""The struct of the same name in `patches.cu`."""


def lay(
    x: Any,
    part: Any,
    part_at: np.ndarray,
    out: Any,
    at: np.ndarray,
    H: int,
    W: int,
    fill: np.floating[Any],
) -> None:
    """out (N,h,w,C) = crops of x (N or 1,...,C) overlaid with part (N,a,b,C); all contiguous.

    at, part_at: (N,2) int64 on the CPU. (H,W) is the plane; outside of it the value is `fill`.
    It is the size of x, or, if x are patches that begin at `at`, of the plane they come from.
    """
    N, h, w, C = out.shape
    if not out.size:
        return
    V, lanes = pack(C, out, x, part)
    over = part if part.size else None
    sizes = np.array((N, h, w, H, W, C // lanes, len(x), *part.shape[1:3]), PATCHES)[()]
    places = [place(a, str(device_kind(out))) for a in (part_at, at)]
    grid = (blocks(out.size // lanes, BLOCK),)
    arguments = x, over, places[0], out, places[1], sizes, np.float64(fill)
    PROGRAM.launch(f"lay<{V}>", grid, (BLOCK,), *arguments)
