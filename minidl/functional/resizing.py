"""Resizing of planes by a filter along each axis, as ONNX's Resize defines it.

Filters are separable: the result is a product with one sparse matrix along each axis
(`functional/taps.py`), which is smaller than a row of pixels. The derivative is the product with
the transposed matrices, and its derivative with the matrices again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl import device
from minidl.functional import arguments, taps
from minidl.functional.arithmetic import where
from minidl.functional.taps import Taps
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, record

Needs = tuple[bool, ...]
MODES = "nearest", "linear", "cubic"
NEAREST_MODES = "round_prefer_floor", "round_prefer_ceil", "floor", "ceil"
COORDINATE_MODES = (
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
    "tf_half_pixel_for_nn", "tf_crop_and_resize",
)  # fmt: skip
POLICIES = "stretch", "not_larger", "not_smaller"


@dataclass(frozen=True)
class Resampling:
    """How one axis is resized: attributes of ONNX's Resize, under their names."""

    mode: str = "nearest"
    coordinate_transformation_mode: str = "half_pixel"
    nearest_mode: str = "round_prefer_floor"
    cubic_coeff_a: float = -0.75
    exclude_outside: bool = False
    antialias: bool = False

    def __post_init__(self) -> None:
        for name, known in (
            ("mode", MODES),
            ("coordinate_transformation_mode", COORDINATE_MODES),
            ("nearest_mode", NEAREST_MODES),
        ):
            arguments.one_of(getattr(self, name), known, f"resize: {name}")

    def taps(self, axis: Stretch) -> Taps:
        """The matrix of one axis; a coordinate outside of the region has no taps."""
        # ONNX Runtime's and PyTorch's coordinates are float32: ties of "nearest" fall as theirs.
        x = axis.coordinates(self.coordinate_transformation_mode, self._precision())
        found = self._taps(x.astype(np.float64), axis)
        if self.coordinate_transformation_mode != "tf_crop_and_resize":
            return found
        inside = (x >= 0) & (x <= axis.size - 1)
        return Taps(found.size, found.index, np.where(inside[:, None], found.weight, 0.0))

    def _precision(self) -> Any:
        crops = self.coordinate_transformation_mode == "tf_crop_and_resize"
        return np.float32 if self.mode == "nearest" or crops else np.float64

    def _taps(self, x: np.ndarray, axis: Stretch) -> Taps:
        if self.mode == "nearest":
            return taps.nearest(x, axis.size, self.nearest_mode)
        if self.antialias:
            cubic = taps.cubic_filter(self.cubic_coeff_a)
            filter = taps.TRIANGLE if self.mode == "linear" else cubic
            return taps.antialiased(x, axis.size, axis.scale, filter, self.exclude_outside)
        if self.mode == "linear":
            return taps.linear(x, axis.size)
        return taps.cubic(x, axis.size, self.cubic_coeff_a, self.exclude_outside)


@dataclass(frozen=True)
class Stretch:
    """One axis and its new length; start and end are the region's, in parts of the axis."""

    size: int
    length: int
    scale: float
    start: float = 0.0
    end: float = 1.0

    def coordinates(self, mode: str, dtype: Any) -> np.ndarray:
        """Where the output's positions are on the input's axis: (length,), in this precision.

        The formulas are those of the standard's operator Resize, coordinate_transformation_mode.
        """
        p, half = np.arange(self.length, dtype=dtype), dtype(0.5)
        n, length, scale = dtype(self.size), dtype(self.length), dtype(self.scale)
        if mode == "asymmetric":
            return p / scale
        if mode == "tf_half_pixel_for_nn":
            return (p + half) / scale
        if mode == "align_corners":
            return p * (n - 1) / (length - 1) if self.length > 1 else p * 0
        if mode == "tf_crop_and_resize":
            return self._cropped(p, dtype)
        if mode == "pytorch_half_pixel" and self.length <= 1:
            return p * 0
        if mode == "half_pixel_symmetric":  # only the shift is rounded in between
            shift = n / 2 * (1 - length / (scale * n))
            symmetric: np.ndarray = shift + (np.arange(self.length) + 0.5) / float(scale) - 0.5
            return symmetric.astype(dtype)
        return (p + half) / scale - half

    def _cropped(self, p: np.ndarray, dtype: Any) -> np.ndarray:
        start, end, last = dtype(self.start), dtype(self.end), dtype(self.size - 1)
        if self.length > 1:
            return start * last + p * (end - start) * last / dtype(self.length - 1)
        return p * 0 + dtype(0.5) * (start + end) * last


def resize(
    x: Tensor,
    sizes: Sequence[int] | None = None,
    scales: Sequence[float] | None = None,
    axes: Sequence[int] | None = None,
    mode: str = "nearest",
    coordinate_transformation_mode: str = "half_pixel",
    nearest_mode: str = "round_prefer_floor",
    cubic_coeff_a: float = -0.75,
    exclude_outside: bool = False,
    antialias: bool = False,
    roi: Sequence[float] | None = None,
    extrapolation_value: float = 0.0,
    keep_aspect_ratio_policy: str = "stretch",
) -> Tensor:
    """x resized along `axes` (the last ones unless given) to `sizes` or by `scales`: ONNX's Resize.

    sizes:  the new lengths; with the policy "not_larger" or "not_smaller" one scale serves for all
            axes, the largest or smallest that keeps to them.
    scales: the factors; a new length is floor(length * scale).
    roi:    for "tf_crop_and_resize" the region: a start for each axis, then an end for each, in
            parts of the axis. Outside of the input is `extrapolation_value`.
    The other arguments are the operator's attributes. ValueError for settings that do not fit.
    """
    arguments.tensor(x, "resize", "x")
    how = Resampling(
        mode, coordinate_transformation_mode, nearest_mode,
        arguments.number(cubic_coeff_a, "resize: cubic_coeff_a"),
        arguments.flag(exclude_outside, "resize: exclude_outside"),
        arguments.flag(antialias, "resize: antialias"),
    )  # fmt: skip
    arguments.one_of(keep_aspect_ratio_policy, POLICIES, "resize: keep_aspect_ratio_policy")
    value = arguments.number(extrapolation_value, "resize: extrapolation_value")
    given = (sizes is None) + (scales is None)
    if given != 1:
        raise ValueError("resize: takes either sizes or scales, for x " + str(x.shape))
    over = _axes(x, axes, sizes if scales is None else scales)
    stretches = _stretches(x, over, sizes, scales, keep_aspect_ratio_policy)
    if coordinate_transformation_mode == "tf_crop_and_resize":
        stretches = _cropped(stretches, roi)
    return resample(x, over, [how.taps(each) for each in _checked(x, over, stretches)], value)


def _axes(x: Tensor, axes: object, lengths: Any) -> tuple[int, ...]:
    """The axes to resize, as many as there are lengths."""
    count = len(arguments.numbers(lengths, "resize: sizes or scales"))
    if count > x.ndim:
        raise ValueError(f"resize: {count} sizes or scales are too many for x {x.shape}")
    if axes is None:
        return tuple(range(x.ndim - count, x.ndim))
    over = arguments.axes(axes, x.shape, "resize: axes")
    if len(over) != count:
        raise ValueError(f"resize: {count} sizes or scales, and the axes {over} of x {x.shape}")
    return over


def _stretches(
    x: Tensor, axes: tuple[int, ...], sizes: Any, scales: Any, policy: str
) -> list[Stretch]:
    """The new lengths; scales are rounded to float32, the type in which files have them."""
    own = [x.shape[a] for a in axes]
    if scales is not None:
        factors = [_scale(s) for s in arguments.numbers(scales, "resize: scales")]
        return [
            Stretch(n, math.floor(np.float32(n) * s), float(s))
            for n, s in zip(own, factors, strict=True)
        ]
    lengths = arguments.sizes(sizes, "resize: sizes")
    if policy == "stretch" or not own:
        pairs = zip(own, lengths, strict=True)
        return [Stretch(n, m, float(np.float32(m) / np.float32(max(n, 1)))) for n, m in pairs]
    ratios = [np.float32(m) / np.float32(max(n, 1)) for n, m in zip(own, lengths, strict=True)]
    scale = float(min(ratios) if policy == "not_larger" else max(ratios))
    return [Stretch(n, math.floor(scale * n + 0.5), scale) for n in own]


def _scale(value: float) -> np.float32:
    """A scale as float32, positive and finite."""
    with np.errstate(over="ignore"):
        found = np.float32(value)
    if not 0 < found <= 2**31:
        raise ValueError(f"resize: a scale must be a positive number, at most 2^31, got {value}")
    return found


def _cropped(stretches: Sequence[Stretch], roi: object) -> list[Stretch]:
    """The same with a region."""
    region = (0.0,) * len(stretches) + (1.0,) * len(stretches)
    if roi is not None:
        region = arguments.numbers(roi, "resize: roi")
    if len(region) != 2 * len(stretches) or not all(map(math.isfinite, region)):
        raise ValueError(
            f"resize: roi must be {len(stretches)} starts, then as many ends, got {region}"
        )
    ends = region[len(stretches) :]
    return [
        Stretch(s.size, s.length, s.scale, start, end)
        for s, start, end in zip(stretches, region, ends, strict=False)
    ]


def _checked(x: Tensor, axes: tuple[int, ...], stretches: Sequence[Stretch]) -> Sequence[Stretch]:
    """ValueError unless every axis has elements to read, and the result could be in memory."""
    shape = list(x.shape)
    for axis, each in zip(axes, stretches, strict=True):
        shape[axis] = each.length
        if each.size == 0 and each.length > 0:
            raise ValueError(f"resize: axis {axis} of x {x.shape} is empty")
    arguments.result(shape, x, f"resize: x {x.shape}")
    return stretches


def resample(
    x: Tensor, axes: Sequence[int], matrices: Sequence[Taps], outside: float = 0.0
) -> Tensor:
    """x times each matrix along its axis; a row without taps gives `outside`."""
    steps = [(a, m) for a, m in zip(axes, matrices, strict=True) if not _is_identity(m)]
    y = _product(x, tuple(steps))
    if outside != 0:
        for axis, matrix in steps:
            empty = ~matrix.weight.any(1)
            if empty.any():
                along = empty.reshape(-1, *(1,) * (x.ndim - axis - 1))  # (P,) -> (P,1,...)
                y = where(device.like(along, x._array), outside, y)
    return y


Steps = tuple[tuple[int, Taps], ...]


def _is_identity(matrix: Taps) -> bool:
    """True for a matrix that gives every element back."""
    P = len(matrix)
    if matrix.size != P:
        return False
    used = matrix.weight != 0
    positions = np.arange(P)[:, None]
    return bool((used.sum(1) == 1).all() and ((matrix.weight == 1) == used).all()
                and (matrix.index == positions)[used].all())  # fmt: skip


def _product(x: Tensor, steps: Steps) -> Tensor:
    """The products along each axis, from the one that shrinks x most to the one that grows it."""
    data = x._array
    for axis, matrix in sorted(steps, key=lambda s: len(s[1]) / max(s[1].size, 1)):
        data = matrix.apply(data, axis)
    return record("resize", data, (x,), steps=steps) if steps else x


@gradient.rule("resize")
def _resize(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (_product(gy, tuple((axis, m.transposed()) for axis, m in node.saved["steps"])),)
