"""Coordinates and filters of one axis, as ONNX's Resize names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.functional import arguments, taps
from minidl.functional.taps import Taps

MODES = "nearest", "linear", "cubic"
NEAREST_MODES = "round_prefer_floor", "round_prefer_ceil", "floor", "ceil"
COORDINATE_MODES = (
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
    "tf_half_pixel_for_nn", "tf_crop_and_resize",
)  # fmt: skip


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
