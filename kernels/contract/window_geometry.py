"""Geometry of a window that slides over a plane: output sizes, receptive fields, taps on the plane.

A window of R x S taps, `dilation` apart, slides in steps of `stride` pixels over a plane of H x W
pixels, padded by four signed pads (top, bottom, left, right; a negative pad crops), to P x Q
positions (Dumoulin, Visin: "A guide to convolution arithmetic", 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kernels.contract.arguments import MOST


@dataclass(frozen=True)
class Box:
    """Pixels top <= h < bottom, left <= w < right of a plane; may extend beyond it."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left

    def clip(self, H: int, W: int) -> Box:
        """The part of the box inside a plane of H x W pixels."""
        top, bottom = (min(max(v, 0), H) for v in (self.top, self.bottom))
        left, right = (min(max(v, 0), W) for v in (self.left, self.right))
        return Box(top, bottom, left, right)


@dataclass(frozen=True)
class WindowGeometry:
    """A window sliding over a plane: the common part of convolution and pooling."""

    N: int
    C: int
    H: int
    W: int
    R: int
    S: int
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int]

    @cached_property
    def P(self) -> int:
        return self._outputs(0)

    @cached_property
    def Q(self) -> int:
        return self._outputs(1)

    @property
    def extent(self) -> tuple[int, int]:
        """Pixels from the first to the last tap of the window, inclusive."""
        return (self.R - 1) * self.dilation[0] + 1, (self.S - 1) * self.dilation[1] + 1

    def _outputs(self, axis: int) -> int:
        size, before, after = self._axis(axis)
        return (size + before + after - self.extent[axis]) // self.stride[axis] + 1

    def _axis(self, axis: int) -> tuple[int, int, int]:
        """(pixels, padding before, padding after) of axis 0 (rows) or 1 (columns)."""
        return (self.H, self.W)[axis], self.padding[2 * axis], self.padding[2 * axis + 1]

    def _check_window_fits(self, what: str) -> None:
        for axis in (0, 1):
            size, before, after = self._axis(axis)
            if size + before + after < self.extent[axis]:
                raise ValueError(
                    f"{what}: the window {self.R}x{self.S} with dilation {self.dilation} spans "
                    f"{self.extent[0]}x{self.extent[1]} pixels and does not fit into the input "
                    f"{self.H}x{self.W} with padding {self.padding} (top, bottom, left, right); "
                    f"a larger input, more padding or a smaller window would"
                )

    def _check_plane_size(self, what: str) -> None:
        """ValueError for a padded input that is too large; an output is no larger."""
        top, bottom, left, right = self.padding
        rows, columns = self.H + top + bottom, self.W + left + right
        if rows * columns > MOST:
            raise ValueError(
                f"{what}: the input {self.H}x{self.W} with padding {self.padding} (top, bottom, "
                f"left, right) gives a plane of {rows}x{columns} pixels; a plane may have {MOST}"
            )

    def _taps_inside(self, axis: int) -> np.ndarray:
        """The number of taps of each window on the plane itself, (P,) or (Q,)."""
        return self._taps_before(axis, (self.H, self.W)[axis]) - self._taps_before(axis, 0)

    def _every_window_has_a_pixel(self, axis: int) -> bool:
        """True if no window lies in the padding alone."""
        if self.dilation[axis] > 1:
            return bool(self._taps_inside(axis).all())
        size, before, _ = self._axis(axis)
        last = ((self.P, self.Q)[axis] - 1) * self.stride[axis] - before
        return before < (self.R, self.S)[axis] and last < size

    def _taps_before(self, axis: int, end: int) -> np.ndarray:
        """The number of taps of each window above or left of pixel `end`, (P,) or (Q,)."""
        taps, dilation = (self.R, self.S)[axis], self.dilation[axis]
        starts = np.arange((self.P, self.Q)[axis]) * self.stride[axis] - self._axis(axis)[1]
        return np.minimum(np.maximum((end - starts + dilation - 1) // dilation, 0), taps)

    def input_box(self, box: Box) -> Box:
        """The receptive field of the outputs in `box`: input pixels, padding included."""
        (sh, sw), (eh, ew) = self.stride, self.extent
        top, left = self.padding[0], self.padding[2]
        return Box(
            box.top * sh - top,
            (box.bottom - 1) * sh - top + eh,
            box.left * sw - left,
            (box.right - 1) * sw - left + ew,
        )

    def output_box(self, box: Box) -> Box:
        """The outputs that depend on an input pixel in `box`, clipped to the output plane."""
        (sh, sw), (eh, ew) = self.stride, self.extent
        top, left = self.padding[0], self.padding[2]
        return Box(
            -((-(box.top + top - eh + 1)) // sh),
            (box.bottom - 1 + top) // sh + 1,
            -((-(box.left + left - ew + 1)) // sw),
            (box.right - 1 + left) // sw + 1,
        ).clip(self.P, self.Q)
