"""Patches: parts of planes, each with its own origin, gathered from planes or overlaid on them.

A patch (N,C,h,w) stands for pixels of a plane of H x W pixels; sample n's first pixel is pixel
at[n] = (row, column) there, which may lie outside of the plane. A unit's receptive field is a patch
of the image; what a covered square changes is a patch of each layer. `patches_gather` kernels move
them; what lies on a device stays there.
"""

from __future__ import annotations

import numpy as np

import kernels
from kernels.contract import memory
from kernels.contract.plane_geometry import PatchGeometry
from minidl import device

LOWEST = float(np.finfo(np.float32).min)
"""What pooling never chooses, and no arithmetic turns into NaN."""


def cut(
    plane: np.ndarray,
    at: np.ndarray,
    shape: tuple[int, int],
    fill: float,
    over: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """Patches of `plane` (N,C,H,W), or of one (1,C,H,W) for all: (N,C,h,w) channels-last.

    at:   (N,2) integers, where each begins.
    fill: outside of the plane.
    over: patches (N,C,a,b) and where each begins (N,2): they overlay the plane before.
    """
    none = memory.empty((len(at), plane.shape[1], 0, 0), plane.dtype, "NHWC", like=plane)
    part, part_at = (none, at) if over is None else over
    a, b = part.shape[2:]
    g = PatchGeometry.of(plane.shape, len(at), shape, (a, b))
    kernel = kernels.pick_for("patches_gather", plane, g)
    first, part_first = (device.like(places, plane) for places in (at, part_at))
    patches: np.ndarray = kernel(plane, first, part, part_first, g, fill=fill)
    return patches
