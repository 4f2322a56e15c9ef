"""Maximum of every plane and its place, on CUDA: one thread scans the pixels of one plane.

Neighbouring threads take neighbouring channels, so a warp reads 128 contiguous bytes of a pixel.
Each float32 element takes one comparison and 4 bytes read: memory is the limit, where the N C
planes are enough to keep the GPU busy.
"""

from __future__ import annotations

import math

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Abilities, Cost
from kernels.contract.registry import kernel
from kernels.cuda.planes import over_all, traffic
from kernels.cuda.program import Program, ctype
from kernels.cuda.rates import GPU
from kernels.plane_max.vectors import has_pixels

PROGRAM = Program(__file__, entries=("scan<float>", "scan<double>"))


@kernel(
    "plane_max",
    name="scan",
    device="cuda",
    cost=Cost(lambda problem: traffic(math.prod(problem.geometry)), GPU),
    abilities=Abilities(supports=lambda problem: has_pixels(problem.geometry)),
)
def forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x (N,C,H,W), on the device -> (values (N,C), places (N,C) int32)."""
    N, C, H, W = x.shape
    values = memory.empty((N, C), x.dtype, like=x)
    places = memory.empty((N, C), np.int32, like=x)
    if values.size:
        sizes = np.int64(N), np.int64(H * W), np.int64(C)
        arrays = memory.nhwc(x), values, places
        PROGRAM.launch(f"scan<{ctype(x.dtype)}>", *over_all(N * C), *arrays, *sizes)
    return values, places
