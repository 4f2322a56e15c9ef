"""Patches with a fill value outside of their plane, on CUDA: each thread moves 16 bytes.

No arithmetic: each value is read and written once, 8 bytes in float32, and memory is what limits
it.
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
PROGRAM = Program(__file__, entries=instances("fill_outside"), block=(BLOCK, 1, 1))
PATCHES = np.dtype([(name, np.int32) for name in ("N", "h", "w", "H", "W", "C")])
"""The struct of the same name in `cuda_rows.cu`."""


@kernel(
    "patches_fill",
    name="rows",
    device="cuda",
    cost=Cost(lambda problem: traffic(2 * math.prod(problem.geometry.y_shape)), GPU),
)
def forward(x: np.ndarray, at: np.ndarray, g: PatchGeometry, *, fill: float = 0.0) -> np.ndarray:
    """x (N,C,h,w) and each patch's origin in the plane of H x W pixels, at (N,2), on the device ->
    y (N,C,h,w)."""
    y = memory.empty(g.y_shape, x.dtype, "NHWC", like=x)
    if not y.size:
        return y
    V, lanes = pack(g.C, memory.nhwc(y), memory.nhwc(x))
    sizes = np.array((g.N, g.h, g.w, g.H, g.W, g.C // lanes), PATCHES)[()]
    origins = at.astype(np.int64, order="C", copy=False)
    arguments = memory.nhwc(x), memory.nhwc(y), origins, sizes, np.float64(fill)
    PROGRAM.launch(f"fill_outside<{V}>", (blocks(y.size // lanes, BLOCK),), (BLOCK,), *arguments)
    return y
