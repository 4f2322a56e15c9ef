"""Arrays as group normalisation's kernels take them: (N,L,C), from any memory order.

In the order of memory the axes of x are runs of kept and of standardised ones. Kernels take

    kept     standardised     kept      standardised
    N        L (positions)    groups    C / groups

any of which may be of one element: tokens are N and channels, channels-last planes N, pixels and
groups of channels. Such an array is taken as it is; another one is copied, kept axes first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kernels.contract.group_geometry import GroupNormGeometry

Axes = tuple[int, ...]


@dataclass(frozen=True)
class Arranged:
    """order: the axes of x in the order of the kernel's memory; channels: those that are groups and
    channels there; g: the geometry."""

    order: Axes
    channels: Axes
    g: GroupNormGeometry

    def brought(self, x: Any) -> Any:
        """x as (N,L,C), a view if it lies so in memory."""
        return x.transpose(self.order).reshape(self.g.x_shape)

    def back(self, y: Any, shape: Axes) -> Any:
        """y (N,L,C) in x's shape, the same memory."""
        stored = y.reshape([shape[a] for a in self.order])  # (N,L,C) -> x's axes, as stored
        return stored.transpose(sorted(range(len(shape)), key=self.order.__getitem__))

    def channels_are(self, along: Axes, shape: Axes) -> bool:
        """Whether an array along these axes of x has an element for each channel of the kernel."""
        return tuple(a for a in along if shape[a] != 1) == self.channels


def arranged(x: Any, axes: Axes, eps: float, along: Axes = ()) -> Arranged:
    """How kernels take x, standardised over `axes`; its channels are `along`, where that serves."""
    return _arranged(x.shape, x.strides, axes, eps, along)


@lru_cache(maxsize=1024)
def _arranged(shape: Axes, strides: Axes, axes: Axes, eps: float, along: Axes) -> Arranged:
    by_stride = sorted(range(len(shape)), key=lambda a: (-abs(strides[a]), a))
    runs = _runs(by_stride, shape, axes, along)
    if runs is None or not _dense(by_stride, shape, strides):
        by_stride = [*(a for a in range(len(shape)) if a not in axes), *sorted(axes)]
        runs = _runs(by_stride, shape, axes, along)
    assert runs is not None
    N, L, groups, width = (math.prod(shape[a] for a in run) for run in runs)
    g = GroupNormGeometry.of((N, L, groups * width), groups, eps)
    return Arranged(tuple(by_stride), (*runs[2], *runs[3]), g)


def _runs(order: list[int], shape: Axes, axes: Axes, along: Axes) -> list[Axes] | None:
    """The axes of N, L, groups and channels of a group; None if they do not follow each other so.

    Axes of one element belong anywhere, and are left out.
    """
    runs: list[list[int]] = [[], [], [], []]
    at = 0
    for axis in (a for a in order if shape[a] != 1):
        while at < 4 and (at % 2 == 1) != (axis in axes):
            at += 1
        if at == 4:
            return None
        runs[at].append(axis)
    if runs[1] and not runs[2] and not runs[3]:  # the last standardised axes are channels
        wanted = [a for a in along if shape[a] != 1]
        split = len(runs[1]) - len(wanted) if wanted and runs[1][-len(wanted) :] == wanted else 0
        runs = [runs[0], runs[1][:split], [], runs[1][split:]]
    return [tuple(run) for run in runs]


def _dense(order: list[int], shape: Axes, strides: Axes) -> bool:
    """Whether the axes in this order have no gaps."""
    step = None
    for axis in reversed([a for a in order if shape[a] != 1]):
        if step is not None and strides[axis] != step:
            return False
        step = strides[axis] * shape[axis]
    return True
