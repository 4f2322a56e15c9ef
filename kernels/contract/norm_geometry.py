"""Geometry and settings of LRN and LCN, with every check of their arguments.

Local contrast normalisation (LCN) compares a pixel with its neighbourhood in the plane, local
response normalisation (LRN) with its neighbours across channels. Neither changes a shape.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_BORDERS = ("corrected", "zero")
LARGEST = 65_535
"""The largest window: a kernel has buffers as long as it. Networks have 5 to 9."""


@dataclass(frozen=True)
class LCNGeometry:
    """Local contrast normalisation of x (N,C,H,W) with a Gaussian window of size x size pixels.

    sigma:  the Gaussian's standard deviation, in pixels.
    border: "corrected" divides each blur by the blur of ones, "zero" pads the plane with zeros.
    floor:  the least divisor, in the units of x.
    """

    N: int
    C: int
    H: int
    W: int
    size: int = 9
    sigma: float = 1.5
    border: str = "corrected"
    floor: float = 1e-4

    @property
    def x_shape(self) -> tuple[int, int, int, int]:
        return self.N, self.C, self.H, self.W

    @property
    def plane_shape(self) -> tuple[int, int, int]:
        """(N,H,W), the shape of a map of one value per pixel."""
        return self.N, self.H, self.W

    @classmethod
    def of(
        cls,
        x_shape: Sequence[int],
        size: int = 9,
        sigma: float = 1.5,
        border: str = "corrected",
        floor: float = 1e-4,
    ) -> LCNGeometry:
        """Geometry of local_contrast_norm(x); ValueError shows what does not fit."""
        what = "local_contrast_norm"
        N, C, H, W = _planes(x_shape, what)
        if _at_least_one(size, what) % 2 == 0:
            raise ValueError(
                f"{what}: size must be odd, so that the window has a centre; got {size}, "
                f"{size - 1} or {size + 1} would do"
            )
        if not isinstance(border, str) or border not in _BORDERS:
            raise ValueError(f"{what}: border must be one of {_BORDERS}, got {border!r}")
        sigma, floor = _positive(sigma, f"{what}: sigma"), _positive(floor, f"{what}: floor")
        return cls(N, C, H, W, int(size), sigma, border, floor)

    def window(self) -> np.ndarray:
        """(size,) float64, a Gaussian that sums to 1; its outer product is the 2-D window."""
        taps = np.arange(self.size) - self.size // 2
        weights = np.exp(-0.5 * (taps / self.sigma) ** 2)
        return weights / weights.sum()

    def coverage(self) -> np.ndarray:
        """(H,W) float64: the blur of ones with zero padding, the divisor of border "corrected"."""
        return np.multiply.outer(self._line_coverage(self.H), self._line_coverage(self.W))

    def _line_coverage(self, pixels: int) -> np.ndarray:
        """(pixels,): the sum of the window's weights on a line of pixels, centred on each."""
        half = self.size // 2
        return np.convolve(np.ones(pixels), self.window())[half : half + pixels]


@dataclass(frozen=True)
class LRNGeometry:
    """Local response normalisation of x (N,C,H,W) over `size` neighbouring channels.

    ONNX's definition: y_c = x_c / (k + alpha / size * sum of x_c'^2)^beta, c' from c - before to
    c + after within [0, C). With k = 0 it is 0 / 0 where all of these x_c' are 0.
    """

    N: int
    C: int
    H: int
    W: int
    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 2.0

    @property
    def x_shape(self) -> tuple[int, int, int, int]:
        return self.N, self.C, self.H, self.W

    @property
    def before(self) -> int:
        """Channels of the window below its own: floor((size - 1) / 2)."""
        return (self.size - 1) // 2

    @property
    def after(self) -> int:
        """Channels of the window above its own: ceil((size - 1) / 2)."""
        return self.size // 2

    @classmethod
    def of(
        cls,
        x_shape: Sequence[int],
        size: int = 5,
        alpha: float = 1e-4,
        beta: float = 0.75,
        k: float = 2.0,
    ) -> LRNGeometry:
        """Geometry of local_response_norm(x); ValueError shows what does not fit."""
        what = "local_response_norm"
        N, C, H, W = _planes(x_shape, what)
        size = _at_least_one(size, what)
        alpha, beta = _number(alpha, f"{what}: alpha"), _number(beta, f"{what}: beta")
        if not (alpha >= 0 and math.isfinite(alpha)):
            raise ValueError(f"{what}: alpha must be finite and at least 0, got {alpha}")
        if not math.isfinite(beta):
            raise ValueError(f"{what}: beta must be finite, got {beta}")
        k = _number(k, f"{what}: k")
        if not (k >= 0 and math.isfinite(k)):
            raise ValueError(f"{what}: k must be finite and at least 0, got {k}")
        return cls(N, C, H, W, size, alpha, beta, k)


def _planes(shape: Sequence[int], what: str) -> tuple[int, int, int, int]:
    if len(shape) != 4:
        raise ValueError(f"{what}: x must have the four axes (N, C, H, W), got {tuple(shape)}")
    N, C, H, W = (int(v) for v in shape)
    if min(N, C) < 0 or min(H, W) < 1:
        raise ValueError(
            f"{what}: x {tuple(shape)} must have N and C of at least 0, H and W of at least 1"
        )
    return N, C, H, W


def _at_least_one(size: int, what: str) -> int:
    whole = isinstance(size, int | np.integer) and not isinstance(size, bool)
    if not whole or not 1 <= size <= LARGEST:
        raise ValueError(f"{what}: size must be an integer from 1 to {LARGEST:,}, got {size!r}")
    return int(size)


def _number(value: float, what: str) -> float:
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        raise TypeError(f"{what} must be a number, got {value!r}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{what} must be a number below 1e308, got {value!r:.50}") from None


def _positive(value: float, what: str) -> float:
    value = _number(value, what)
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{what} must be finite and above 0, got {value}")
    return float(value)
