"""Patches gathered on CUDA from planes overlaid with smaller parts: each thread moves 16 bytes.

No arithmetic: each value of the result is read and written once, 8 bytes in float32, and memory is
what limits it.
"""

from __future__ import annotations

import math

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Cost
from kernels.contract.plane_geometry import PatchGeometry
from kernels.contract.registry import kernel
from kernels.cuda.grids import blocks
from kernels.cuda.packs import instances, pack
from kernels.cuda.planes import traffic
from kernels.cuda.program import Program
from kernels.cuda.rates import GPU

BLOCK = 256
PROGRAM = Program(__file__, entries=instances("gather"), block=(BLOCK, 1, 1))
PATCHES = np.dtype(
    [(name, np.int32) for name in ("N", "h", "w", "H", "W", "C", "planes", "a", "b")]
)
"""The struct of the same name in `cuda_rows.cu`."""


@kernel(
    "patches_gather",
    name="rows",
    device="cuda",
    cost=Cost(lambda problem: traffic(2 * math.prod(problem.geometry.y_shape)), GPU),
)
def forward(
    x: np.ndarray,
    at: np.ndarray,
    part: np.ndarray,
    part_at: np.ndarray,
    g: PatchGeometry,
    *,
    fill: float = 0.0,
) -> np.ndarray:
    """x (N or 1,C,H,W), part (N,C,a,b), their origins at and part_at (N,2), all on the device ->
    y (N,C,h,w)."""
    y = memory.empty(g.y_shape, x.dtype, "NHWC", like=x)
    if not y.size:
        return y
    over = memory.nhwc(part) if part.size else None
    planes = [a for a in (memory.nhwc(y), memory.nhwc(x), over) if a is not None]
    V, lanes = pack(g.C, *planes)
    sizes = np.array((g.N, g.h, g.w, g.H, g.W, g.C // lanes, g.planes, g.a, g.b), PATCHES)[()]
    part_from, first = (a.astype(np.int64, order="C", copy=False) for a in (part_at, at))
    arguments = memory.nhwc(x), over, part_from, memory.nhwc(y), first, sizes, np.float64(fill)
    PROGRAM.launch(f"gather<{V}>", (blocks(y.size // lanes, BLOCK),), (BLOCK,), *arguments)
    return y
