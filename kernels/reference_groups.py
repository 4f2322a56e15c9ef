"""Group normalisation and its gradient as nested loops in float64: the definition.

Wu and He 2018, equations 1 to 7. Layer normalisation (Ba, Kiros, Hinton 2016) has one group and one
position a sample, instance normalisation (Ulyanov et al. 2016) a group for each channel. No code is
shared with the kernels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from kernels.contract.group_geometry import GroupNormGeometry


def group_norm(
    x: np.ndarray,
    g: GroupNormGeometry,
    *,
    weight: np.ndarray | None = None,
    bias: np.ndarray | None = None,
) -> np.ndarray:
    """x (N,L,C) -> y (N,L,C): (x - mean) / sqrt(variance + eps), times weight (C,), plus bias."""
    x, y = x.astype(np.float64), np.zeros(g.x_shape)
    for n, channels in _groups(g):
        mean, deviation = _moments(x[n][:, channels], g)
        for at, c in np.ndindex(g.L, g.C):
            if c in channels:
                y[n, at, c] = (x[n, at, c] - mean) / deviation
                y[n, at, c] *= 1 if weight is None else weight[c]
                y[n, at, c] += 0 if bias is None else bias[c]
    return y


def group_norm_vjp(gy: np.ndarray, x: np.ndarray, g: GroupNormGeometry) -> np.ndarray:
    """gy and x (N,L,C) -> gx (N,L,C): (gy - mean gy - z mean(gy z)) / sqrt(variance + eps), with
    the standardised z and means over the group; gy is that of z."""
    gy, x, gx = gy.astype(np.float64), x.astype(np.float64), np.zeros(g.x_shape)
    for n, channels in _groups(g):
        mean, deviation = _moments(x[n][:, channels], g)
        z, gys = (x[n][:, channels] - mean) / deviation, gy[n][:, channels]
        plain, along = math.fsum(gys.flat) / z.size, math.fsum((gys * z).flat) / z.size
        gx[n][:, channels] = (gys - plain - z * along) / deviation
    return gx


def _groups(g: GroupNormGeometry) -> Iterator[tuple[int, list[int]]]:
    """Each sample, and the channels of each of its groups."""
    each = g.C // g.groups
    for n, group in np.ndindex(g.N, g.groups if g.L * g.C else 0):
        yield n, [*range(group * each, (group + 1) * each)]


def _moments(values: np.ndarray, g: GroupNormGeometry) -> tuple[float, float]:
    """The mean and sqrt(variance + eps) of a group's values (L,C/groups)."""
    mean = math.fsum(values.flat) / values.size
    return mean, math.sqrt(math.fsum(((values - mean) ** 2).flat) / values.size + g.eps)
