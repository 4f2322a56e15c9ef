"""Group normalisation on CUDA: a block of threads for each group of a sample.

    y = (x - mean) / sqrt(variance + eps) weight + bias

A group is read three times, from the cache if it fits: 8 bytes and 8 operations per element in
float32, limited by memory.
"""

from __future__ import annotations

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Accuracy
from kernels.contract.group_geometry import GroupNormGeometry
from kernels.contract.registry import kernel
from kernels.cuda import Program, ctype
from kernels.cuda.grids import blocks
from kernels.group_norm.rows import Saved, roundings

THREADS = 128
PROGRAM = Program(
    __file__, entries=("group_norm<float>", "group_norm<double>"), block=(THREADS, 1, 1)
)


@kernel("group_norm", name="groups", device="cuda", accuracy=Accuracy(bound=roundings))
def forward(
    x: np.ndarray,
    g: GroupNormGeometry,
    *,
    weight: np.ndarray | None = None,
    bias: np.ndarray | None = None,
) -> tuple[np.ndarray, Saved]:
    """x (N,L,C), weight and bias (C,), on the device -> y (N,L,C), and mean and
    1 / sqrt(variance + eps), each (N,groups) float64."""
    y = memory.empty_like(x)
    mean, scale = (memory.empty(g.saved_shape, np.float64, like=x) for _ in range(2))
    if y.size:
        sizes = np.int64(g.N), np.int64(g.L), np.int32(g.groups), np.int32(g.C // g.groups)
        arrays = x, y, weight, bias, mean, scale
        grid, name = (blocks(g.N * g.groups, 1),), f"group_norm<{ctype(x.dtype)}>"
        PROGRAM.launch(name, grid, (THREADS,), *arrays, *sizes, np.float64(g.eps))
    return y, (mean, scale)
