"""Group normalisation of rows: the channels of each group of a sample with one position.

    y = (x - mean) / sqrt(variance + eps) weight + bias

Layer normalisation of tokens, and over the channels of each pixel of channels-last planes (Ba,
Kiros, Hinton 2016): the rows are x's memory. A row is read from memory once; its sums are in
float64 (`kernels/cpu/moments.py`). 8 bytes and 8 operations per element in float32: limited by
memory. Rows are shared among the threads, so that no sum depends on their number.

Error: x - mean rounds the mean to x's type and the difference, by eps / 2 of |mean| and of |x|; the
scale, the product, weight and bias round four times more. In float64 the sums of `terms` elements
add `terms` eps of their mean absolute value to the mean, and as much to the variance.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.group_geometry import GroupNormGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.moments import added, added_squares

Saved = tuple[np.ndarray, np.ndarray]


def roundings(g: GroupNormGeometry) -> float:
    return 8.0


def work(problem: Problem) -> float:
    """Nanoseconds on two cores."""
    return 3e3 + 0.4 * problem.geometry.N * problem.geometry.C


@kernel(
    "group_norm",
    name="rows",
    accuracy=Accuracy(bound=roundings),
    cost=Cost(work),
    abilities=Abilities(supports=lambda problem: problem.geometry.L == 1),
)
def forward(
    x: np.ndarray,
    g: GroupNormGeometry,
    *,
    weight: np.ndarray | None = None,
    bias: np.ndarray | None = None,
) -> tuple[np.ndarray, Saved]:
    """x (N,1,C), weight and bias (C,) -> y (N,1,C), and mean and 1 / sqrt(variance + eps), each
    (N,groups) float64."""
    y, mean, scale = memory.empty_like(x), np.empty(g.saved_shape), np.empty(g.saved_shape)
    if x.size:
        # (N,1,C) -> (N groups, C/groups), and (C,) -> (groups, C/groups): the same memory
        by_group = g.N * g.groups, g.C // g.groups
        w, b = (each.reshape(-1, by_group[1]) for each in scales(weight, bias, g.C, x.dtype))
        flat = x.reshape(by_group), y.reshape(by_group), mean.reshape(-1), scale.reshape(-1)
        _rows(*flat, w, b, g.eps)
    return y, (mean, scale)


def scales(
    weight: np.ndarray | None, bias: np.ndarray | None, C: int, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    """weight and bias (C,), of no element if both are missing; otherwise 1 and -0 for the missing
    one, which change no bit of a product or a sum."""
    if weight is None and bias is None:
        return np.empty(0, dtype), np.empty(0, dtype)
    ones, zeros = np.ones(C, dtype), np.full(C, -0.0, dtype)
    return ones if weight is None else weight, zeros if bias is None else bias


@numba.njit(parallel=True, cache=True, error_model="numpy")
def _rows(x, y, mean, scale, weight, bias, eps):  # type: ignore[no-untyped-def]
    rows, count = x.shape
    for row in numba.prange(rows):
        centre = added(x, row) / count
        factor = 1 / np.sqrt(added_squares(x, row, centre) / count + eps)
        mean[row], scale[row] = centre, factor
        if weight.size:
            _write_scaled(x, y, row, centre, factor, weight, bias)
        else:
            _write(x, y, row, centre, factor)


@numba.njit(cache=True)
def _write(x, y, row, centre, factor):  # type: ignore[no-untyped-def]
    m, s = x.dtype.type(centre), x.dtype.type(factor)
    for i in range(x.shape[1]):
        y[row, i] = (x[row, i] - m) * s


@numba.njit(cache=True)
def _write_scaled(x, y, row, centre, factor, weight, bias):  # type: ignore[no-untyped-def]
    """Each product and sum rounded by itself: the bits of separate operations."""
    m, s, group = x.dtype.type(centre), x.dtype.type(factor), row % weight.shape[0]
    for i in range(x.shape[1]):
        y[row, i] = (x[row, i] - m) * s * weight[group, i] + bias[group, i]
