"""Resizing of planes by a filter along each axis, as ONNX's Resize defines it.

Filters are separable: the result is a product with one sparse matrix along each axis
(`functional/taps.py`), which is smaller than a row of pixels. The derivative is the product with
the transposed matrices, and its derivative with the matrices again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl import device
from minidl.functional import arguments
from minidl.functional.arithmetic import where
from minidl.functional.resampling import Resampling, Stretch
from minidl.functional.taps import Taps
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, record

Needs = tuple[bool, ...]
POLICIES = "stretch", "not_larger", "not_smaller"


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
    settings = {
        "sizes": sizes, "scales": scales, "axes": axes, "mode": mode,
        "coordinate_transformation_mode": coordinate_transformation_mode,
        "nearest_mode": nearest_mode, "cubic_coeff_a": cubic_coeff_a,
        "exclude_outside": exclude_outside, "antialias": antialias, "roi": roi,
        "keep_aspect_ratio_policy": keep_aspect_ratio_policy,
    }  # fmt: skip
    value = arguments.number(extrapolation_value, "resize: extrapolation_value")
    found = plan(x.shape, x.dtype, settings)
    return resample(x, found.axes, found.matrices, value)


@dataclass(frozen=True)
class Plan:
    """The axes that are resized, how, and their matrices."""

    axes: tuple[int, ...]
    stretches: Sequence[Stretch]
    matrices: Sequence[Taps]


def plan(shape: tuple[int, ...], dtype: np.dtype, settings: Mapping[str, Any]) -> Plan:
    """What `resize` does with an input of this shape and type; `settings` are its arguments."""
    s = settings
    how = Resampling(
        s["mode"], s["coordinate_transformation_mode"], s["nearest_mode"],
        arguments.number(s["cubic_coeff_a"], "resize: cubic_coeff_a"),
        arguments.flag(s["exclude_outside"], "resize: exclude_outside"),
        arguments.flag(s["antialias"], "resize: antialias"),
    )  # fmt: skip
    policy, sizes, scales = s["keep_aspect_ratio_policy"], s["sizes"], s["scales"]
    arguments.one_of(policy, POLICIES, "resize: keep_aspect_ratio_policy")
    if (sizes is None) == (scales is None):
        raise ValueError(f"resize: takes either sizes or scales, for x {shape}")
    axes = _axes(shape, s["axes"], sizes if scales is None else scales)
    stretches = _stretches(shape, axes, sizes, scales, policy)
    if s["coordinate_transformation_mode"] == "tf_crop_and_resize":
        stretches = _cropped(stretches, s["roi"])
    _check(shape, dtype, axes, stretches)
    return Plan(axes, stretches, [how.taps(each) for each in stretches])


def _axes(shape: tuple[int, ...], axes: object, lengths: Any) -> tuple[int, ...]:
    """The axes to resize, as many as there are lengths."""
    count = len(arguments.numbers(lengths, "resize: sizes or scales"))
    if count > len(shape):
        raise ValueError(f"resize: {count} sizes or scales are too many for x {shape}")
    if axes is None:
        return tuple(range(len(shape) - count, len(shape)))
    over = arguments.axes(axes, shape, "resize: axes")
    if len(over) != count:
        raise ValueError(f"resize: {count} sizes or scales, and the axes {over} of x {shape}")
    return over


def _stretches(
    shape: tuple[int, ...], axes: tuple[int, ...], sizes: Any, scales: Any, policy: str
) -> list[Stretch]:
    """The new lengths; scales are rounded to float32, the type in which files have them."""
    own = [shape[a] for a in axes]
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


def _check(
    shape: tuple[int, ...], dtype: np.dtype, axes: tuple[int, ...], stretches: Sequence[Stretch]
) -> None:
    """ValueError unless every axis has elements to read, and the result could be in memory."""
    new = list(shape)
    for axis, each in zip(axes, stretches, strict=True):
        new[axis] = each.length
        if each.size == 0 and each.length > 0:
            raise ValueError(f"resize: axis {axis} of x {shape} is empty")
    arguments.result(new, dtype, f"resize: x {shape}")


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
    own = matrix.index == np.arange(P)[:, None]
    ones = (matrix.weight.sum(1) == 1).all()
    return bool(matrix.size == P and ones and own[matrix.weight != 0].all())


def _product(x: Tensor, steps: Steps) -> Tensor:
    """The products along each axis, from the one that shrinks x most to the one that grows it."""
    data = x._array
    for axis, matrix in sorted(steps, key=lambda s: len(s[1]) / max(s[1].size, 1)):
        data = matrix.apply(data, axis)
    return record("resize", data, (x,), steps=steps) if steps else x


@gradient.rule("resize")
def _resize(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    return (_product(gy, tuple((axis, m.transposed()) for axis, m in node.saved["steps"])),)
