"""Gradient of group normalisation on CUDA: a block of threads for each group of a sample.

    gx = s (gy - mean(gy) - z mean(gy z)),    z = (x - mean) s

A group is read twice, from the cache if it fits: 12 bytes and 11 operations per element in float32,
limited by memory.
"""

from __future__ import annotations

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Accuracy
from kernels.contract.group_geometry import GroupNormGeometry
from kernels.contract.registry import kernel
from kernels.cuda import Program, ctype
from kernels.cuda.grids import blocks
from kernels.group_norm.cuda_groups import THREADS
from kernels.group_norm.rows import Saved
from kernels.group_norm_vjp.rows import roundings

PROGRAM = Program(
    __file__, entries=("group_norm_vjp<float>", "group_norm_vjp<double>"), block=(THREADS, 1, 1)
)


@kernel("group_norm_vjp", name="groups", device="cuda", accuracy=Accuracy(bound=roundings))
def vjp(gy: np.ndarray, x: np.ndarray, saved: Saved, g: GroupNormGeometry) -> np.ndarray:
    """gy, x (N,L,C), saved: mean and 1 / sqrt(variance + eps), each (N,groups) float64, all on the
    device -> gx (N,L,C)."""
    gx = memory.empty_like(x)
    if gx.size:
        sizes = np.int64(g.N), np.int64(g.L), np.int32(g.groups), np.int32(g.C // g.groups)
        grid, name = (blocks(g.N * g.groups, 1),), f"group_norm_vjp<{ctype(x.dtype)}>"
        PROGRAM.launch(name, grid, (THREADS,), gy, x, *saved, gx, *sizes)
    return gx
