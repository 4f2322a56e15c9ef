"""Gradient of group normalisation of rows: the channels of each group of one position.

    gx = s (gy - mean(gy) - z mean(gy z)),    z = (x - mean) s,  s = 1 / sqrt(variance + eps)

gy is the gradient of z: that of y times the weight. Both means are float64 sums over a row, which
the second loop finds in the first cache. 12 bytes and 11 operations per element in float32: limited
by memory. Rows are shared among the threads.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.group_geometry import GroupNormGeometry
from kernels.contract.registry import kernel
from kernels.cpu.moments import added, added_products
from kernels.group_norm.rows import Saved, work


def roundings(g: GroupNormGeometry) -> float:
    return 16.0


@kernel(
    "group_norm_vjp",
    name="rows",
    accuracy=Accuracy(bound=roundings),
    cost=Cost(work),
    abilities=Abilities(supports=lambda problem: problem.geometry.L == 1),
)
def vjp(gy: np.ndarray, x: np.ndarray, saved: Saved, g: GroupNormGeometry) -> np.ndarray:
    """gy, x (N,1,C), saved: mean and 1 / sqrt(variance + eps), each (N,groups) float64, as
    `group_norm` returns them -> gx (N,1,C)."""
    gx = memory.empty_like(x)
    if x.size:
        by_group = g.N * g.groups, g.C // g.groups  # (N,1,C) -> (N groups, C/groups)
        mean, scale = (each.reshape(-1) for each in saved)
        _rows(gy.reshape(by_group), x.reshape(by_group), gx.reshape(by_group), mean, scale)
    return gx


@numba.njit(parallel=True, cache=True)
def _rows(gy, x, gx, mean, scale):  # type: ignore[no-untyped-def]
    rows, count = x.shape
    for row in numba.prange(rows):
        plain = added(gy, row) / count
        along = added_products(gy, x, row, mean[row]) / count * scale[row]
        _write(gy, x, gx, row, mean[row], scale[row], plain, along)


@numba.njit(cache=True, fastmath={"contract"})
def _write(gy, x, gx, row, mean, scale, plain, along):  # type: ignore[no-untyped-def]
    kind = x.dtype.type
    m, s, p, q = kind(mean), kind(scale), kind(plain), kind(along)
    for i in range(x.shape[1]):
        gx[row, i] = s * ((gy[row, i] - p) - (x[row, i] - m) * s * q)
