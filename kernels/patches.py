"""Patches: parts of planes, each with its own origin, cut out and laid over each other.

A patch (N,C,h,w) stands for pixels of a plane of H x W pixels; sample n's first pixel is pixel
at[n] = (row, column) there, which may lie outside of the plane. A unit's receptive field is a patch
of the image; what a covered square changes is a patch of each layer. Moves memory, computes
nothing: each result is read and written once. What lies on a device stays there.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.arrays import device_kind
from kernels.cuda import patches as on_device

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
    over: patches (N,C,a,b) and where each begins (N,2): laid over the plane before.
    """
    C, H, W = plane.shape[1:]
    out = memory.empty((len(at), C, *shape), plane.dtype, "NHWC", like=plane)
    part, part_at = (plane[:, :, :0], at) if over is None else over
    x, above = (memory.nhwc(memory.admit(a)) for a in (plane, part))
    places, value = (_integers(part_at), _integers(at)), plane.dtype.type(fill)
    _lie(x, above, places[0], memory.nhwc(out), places[1], H, W, value)
    return out


def fill_outside(
    patch: np.ndarray, at: np.ndarray, plane: tuple[int, int], fill: float
) -> np.ndarray:
    """The patches (N,C,h,w), `fill` in pixels that lie outside of the plane (H,W)."""
    out = memory.empty_like(patch)
    x, places = memory.nhwc(memory.admit(patch)), _integers(at)
    _lie(x, x, places, memory.nhwc(out), places, *plane, patch.dtype.type(fill))
    return out


def lies_inside(at: np.ndarray, shape: tuple[int, ...], plane: tuple[int, int]) -> bool:
    """Whether no patch of this shape reaches outside of the plane (H,W)."""
    return bool((at >= 0).all() and (at + shape <= plane).all())


def _integers(at: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(at, dtype=np.int64)


def _lie(x: np.ndarray, *arguments: Any) -> None:
    """`_lay`, where x lies."""
    (_lay if device_kind(x) == "cpu" else on_device.lay)(x, *arguments)


@numba.njit(parallel=True, cache=True)
def _lay(x, part, part_at, out, at, H, W, fill):  # type: ignore[no-untyped-def]
    """out (N,h,w,C) of x (N or 1,H,W,C) under part (N,a,b,C)."""
    N, h, w, C = out.shape
    for row in numba.prange(N * h):
        n, i = row // h, row % h
        r, m = at[n, 0] + i, n if len(x) > 1 else 0
        a = r - part_at[n, 0]
        for j in range(w):
            s = at[n, 1] + j
            b = s - part_at[n, 1]
            if r < 0 or r >= H or s < 0 or s >= W:
                for c in range(C):
                    out[n, i, j, c] = fill
            elif 0 <= a < part.shape[1] and 0 <= b < part.shape[2]:
                for c in range(C):
                    out[n, i, j, c] = part[n, a, b, c]
            else:
                for c in range(C):
                    out[n, i, j, c] = x[m, r, s, c]
