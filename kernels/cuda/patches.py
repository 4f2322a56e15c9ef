"""Patches of planes on CUDA: cut out, laid over each other, filled outside (`kernels/patches.py`).

Moves memory, computes nothing: each value of the result is read and written once, 8 bytes in
float32, and memory is what limits it.
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
    """out (N,h,w,C) of x (N or 1,...,C) under part (N,a,b,C), all packed on one device.

    at, part_at: (N,2) int64 on the CPU. (H,W) is the plane outside of which `fill` stands: x's own
    size, or, where x are patches that begin at `at`, that of the plane that they are patches of.
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
