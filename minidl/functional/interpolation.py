"""`torch.nn.functional.interpolate`: PyTorch's coordinates for the filters of `taps.py`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.functional import arguments, taps
from minidl.functional.resizing import resample
from minidl.functional.taps import Taps
from minidl.tensor import Tensor

FILTERS = {
    "nearest": (3, 4, 5), "nearest-exact": (3, 4, 5), "area": (3, 4, 5), "linear": (3,),
    "bilinear": (4,), "trilinear": (5,), "bicubic": (4,),
}  # fmt: skip
"""The modes, and the numbers of axes of an x that each takes."""
SMOOTH = "linear", "bilinear", "trilinear", "bicubic"
ANTIALIASED = "bilinear", "bicubic"


def interpolate(
    x: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """x (N,C,...) with its planes resized to `size` or by `scale_factor`, as PyTorch's.

    mode: "nearest", "nearest-exact", "area", "linear" (N,C,L), "bilinear" and "bicubic" (N,C,H,W),
          "trilinear" (N,C,D,H,W).
    As in PyTorch a new size is floor(size * scale_factor), and positions follow `scale_factor`
    itself unless `recompute_scale_factor`. ValueError for settings that do not fit.
    """
    arguments.tensor(x, "interpolate", "x")
    found = matrices(
        x.shape, x.dtype, size, scale_factor, mode, align_corners, recompute_scale_factor, antialias
    )
    return resample(x, range(2, x.ndim), found)


def matrices(
    shape: tuple[int, ...],
    dtype: np.dtype,
    size: Any,
    scale_factor: Any,
    mode: str,
    align_corners: Any,
    recompute_scale_factor: Any,
    antialias: Any = False,
) -> list[Taps]:
    """The matrix of each axis of the planes, for an x of this shape and type."""
    arguments.one_of(mode, tuple(FILTERS), "interpolate: mode")
    if len(shape) not in FILTERS[mode] or 0 in shape[1:]:
        raise ValueError(
            f"interpolate: mode {mode!r} takes x with {' or '.join(map(str, FILTERS[mode]))} axes "
            f"and elements, got {shape}"
        )
    aligned, again, smoothed = (
        value is not None and arguments.flag(value, f"interpolate: {name}")
        for name, value in (
            ("align_corners", align_corners),
            ("recompute_scale_factor", recompute_scale_factor),
            ("antialias", antialias),
        )
    )
    if (align_corners is not None and mode not in SMOOTH) or (smoothed and mode not in ANTIALIASED):
        raise ValueError(f"interpolate: mode {mode!r} has no align_corners or antialias")
    if (size is None) == (scale_factor is None) or (again and scale_factor is None):
        raise ValueError(f"interpolate: takes either size or scale_factor, for x {shape}")
    lengths, steps = _lengths(shape, size, scale_factor, again)
    arguments.result((*shape[:2], *lengths), dtype, f"interpolate: x {shape}")
    return [
        _taps(n, m, step, mode, aligned, smoothed, dtype)
        for n, m, step in zip(shape[2:], lengths, steps, strict=True)
    ]


def _lengths(
    shape: tuple[int, ...], size: Any, scale_factor: Any, again: bool
) -> tuple[list[int], list[float]]:
    """The new sizes, and the steps from one position to the next in units of the input's."""
    planes = shape[2:]
    if size is not None:
        one = isinstance(size, int | np.integer)
        lengths = list(arguments.sizes((size,) * len(planes) if one else size, "interpolate: size"))
        factors: tuple[float, ...] = ()
    else:
        one = arguments.is_number(scale_factor)
        what = "interpolate: scale_factor"
        factors = arguments.numbers((scale_factor,) * len(planes) if one else scale_factor, what)
        if not all(0 < f <= arguments.LONGEST for f in factors):
            raise ValueError(
                f"{what} must be positive and at most {arguments.LONGEST}, got {factors}"
            )
        lengths = [math.floor(n * f) for n, f in zip(planes, factors, strict=False)]
    if len(factors or lengths) != len(planes) or min(lengths) < 1:
        raise ValueError(
            f"interpolate: x {shape} to planes of {tuple(lengths)}; there must be one size for "
            "each axis, at least 1"
        )
    if factors and not again:
        return lengths, [1 / f for f in factors]
    return lengths, [n / m for n, m in zip(planes, lengths, strict=True)]


def _taps(
    size: int, length: int, step: float, mode: str, aligned: bool, antialias: bool, dtype: Any
) -> Taps:
    """The matrix of one axis."""
    if mode == "area":
        return taps.area(size, length)
    p = np.arange(length)
    if mode in ("nearest", "nearest-exact"):
        # In the type of x, and then in float32: so PyTorch rounds a position that is nearly whole.
        shift = dtype.type(0.5 if mode == "nearest-exact" else 0)
        places = ((p.astype(dtype) + shift) * dtype.type(step)).astype(np.float32)
        return taps.nearest(places, size, "floor")
    if aligned and not antialias:
        places = p * ((size - 1) / (length - 1)) if length > 1 else p * 0.0
    else:
        step = (size - 1) / max(length - 1, 1) * (length > 1) if aligned else step
        places = (p + 0.5) * step - 0.5
    if antialias:
        filter = taps.cubic_filter(-0.5) if mode == "bicubic" else taps.TRIANGLE
        scale = 1 / step if step > 0 else math.inf
        return taps.antialiased(places, size, scale, filter, exclude_outside=True)
    if mode == "bicubic":
        return taps.cubic(places, size, -0.75)
    return taps.linear(places, size)
