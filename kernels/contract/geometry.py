"""Geometry of convolution and pooling: shapes, and every check of their arguments.

The only output-size formulas of the project are here and in `window_geometry.py`, which has what
the two have in common: a window that slides over a padded plane.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from kernels.contract.arguments import (
    Padding,
    Pair,
    at_least_one,
    check_count,
    check_groups,
    flag,
    four_axes,
    pads,
    pair,
)
from kernels.contract.window_geometry import Box, WindowGeometry

__all__ = ["Box", "ConvGeometry", "Padding", "Pair", "PoolGeometry", "pads", "pair"]


@dataclass(frozen=True)
class ConvGeometry(WindowGeometry):
    """x (N,C,H,W) convolved with w (K,C/groups,R,S) gives y (N,K,P,Q)."""

    K: int
    groups: int

    @property
    def x_shape(self) -> tuple[int, int, int, int]:
        return self.N, self.C, self.H, self.W

    @property
    def w_shape(self) -> tuple[int, int, int, int]:
        return self.K, self.C // self.groups, self.R, self.S

    @property
    def grouped_shape(self) -> tuple[int, int, int]:
        """The weight's shape as matrices, one a group: (G,K/G,RSC/G)."""
        filters, channels = self.K // self.groups, self.C // self.groups
        return self.groups, filters, self.R * self.S * channels

    @property
    def y_shape(self) -> tuple[int, int, int, int]:
        return self.N, self.K, self.P, self.Q

    @property
    def macs(self) -> int:
        """Multiply-adds of the definition, the same for fprop, dgrad and wgrad."""
        return math.prod(self.y_shape) * math.prod(self.w_shape[1:])

    @property
    def taps_inside(self) -> int:
        """Taps of all windows of one plane that are on a pixel, not on padding."""
        return math.prod(int(self._taps_inside(axis).sum()) for axis in (0, 1))

    @classmethod
    def of(
        cls,
        x_shape: Sequence[int],
        w_shape: Sequence[int],
        stride: Pair = 1,
        padding: Padding = 0,
        dilation: Pair = 1,
        groups: int = 1,
    ) -> ConvGeometry:
        """Geometry of conv2d(x, w); ValueError names both shapes if they do not fit."""
        N, C, H, W = four_axes(x_shape, "conv2d: x", "(N, C, H, W)")
        K, Cg, R, S = four_axes(w_shape, "conv2d: weight", "(K, C/groups, R, S)")
        check_groups(groups, C, K, Cg, x_shape, w_shape)
        g = cls(
            *(N, C, H, W, at_least_one(R, "conv2d: R"), at_least_one(S, "conv2d: S")),
            stride=pair(stride, "stride"),
            padding=pads(padding),
            dilation=pair(dilation, "dilation"),
            K=K,
            groups=int(groups),
        )
        g._check_window_fits("conv2d")
        g._check_plane_size("conv2d")
        return g

    @classmethod
    def of_transposed(
        cls,
        y_shape: Sequence[int],
        w_shape: Sequence[int],
        stride: Pair = 1,
        padding: Padding = 0,
        output_padding: Pair = 0,
        dilation: Pair = 1,
        groups: int = 1,
    ) -> ConvGeometry:
        """Geometry of the convolution whose transpose is conv_transpose2d(y, w).

        `y_shape` (N,K,P,Q) is the transposed convolution's input, `w_shape` (K,C/groups,R,S) its
        weight; its output is this geometry's x: (N,C,H,W). Several H give the same P if the
        stride is above 1; `output_padding` selects one.
        """
        N, K, P, Q = four_axes(y_shape, "conv_transpose2d: x", "(N, K, P, Q)")
        Kw, Cg, R, S = four_axes(w_shape, "conv_transpose2d: weight", "(K, C/groups, R, S)")
        if Kw != K:
            raise ValueError(
                f"conv_transpose2d: x {tuple(y_shape)} has {K} channels, the weight "
                f"{tuple(w_shape)} takes {Kw}; its first axis must be {K}"
            )
        check_count(groups, "conv_transpose2d: groups")
        if 0 in (P, Q):
            raise ValueError(f"conv_transpose2d: x {tuple(y_shape)} has no pixels to transpose")
        strides, four, dilations = pair(stride, "stride"), pads(padding), pair(dilation, "dilation")
        extra = pair(output_padding, "output_padding", least=0)
        for axis in (0, 1):
            if extra[axis] >= max(strides[axis], dilations[axis]):
                raise ValueError(
                    f"conv_transpose2d: output_padding {extra} must be smaller than the stride "
                    f"{strides} or the dilation {dilations}"
                )
        H = (P - 1) * strides[0] - four[0] - four[1] + dilations[0] * (R - 1) + extra[0] + 1
        W = (Q - 1) * strides[1] - four[2] - four[3] + dilations[1] * (S - 1) + extra[1] + 1
        if H < 1 or W < 1:
            raise ValueError(
                f"conv_transpose2d: x {tuple(y_shape)} with weight {tuple(w_shape)}, stride "
                f"{strides} and padding {four} would give {H}x{W} pixels; less padding would fit"
            )
        # The pixels of output_padding are cropped again, so that there are P x Q windows.
        ends = four[0], four[1] - extra[0], four[2], four[3] - extra[1]
        return cls.of((N, Cg * groups, H, W), w_shape, strides, ends, dilations, groups)


@dataclass(frozen=True)
class PoolGeometry(WindowGeometry):
    """Pooling windows of R x S pixels: x (N,C,H,W) gives y (N,C,P,Q)."""

    ceil_mode: bool = False
    count_include_pad: bool = field(default=True)

    def _outputs(self, axis: int) -> int:
        size, before, after = self._axis(axis)
        span = size + before + after - self.extent[axis]
        if not self.ceil_mode:
            return span // self.stride[axis] + 1
        outputs = -(-span // self.stride[axis]) + 1
        # A window that would start in the padding after the plane is dropped.
        return outputs - ((outputs - 1) * self.stride[axis] >= size + before)

    @property
    def x_shape(self) -> tuple[int, int, int, int]:
        return self.N, self.C, self.H, self.W

    @property
    def y_shape(self) -> tuple[int, int, int, int]:
        return self.N, self.C, self.P, self.Q

    @classmethod
    def of(
        cls,
        x_shape: Sequence[int],
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Padding = 0,
        dilation: Pair = 1,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> PoolGeometry:
        """Geometry of a pooling of x; the stride is by default the window's size."""
        N, C, H, W = four_axes(x_shape, "pool2d: x", "(N, C, H, W)")
        R, S = pair(kernel_size, "kernel_size")
        g = cls(
            *(N, C, H, W, R, S),
            stride=pair((R, S) if stride is None else stride, "stride"),
            padding=pads(padding),
            dilation=pair(dilation, "dilation"),
            ceil_mode=flag(ceil_mode, "ceil_mode"),
            count_include_pad=flag(count_include_pad, "count_include_pad"),
        )
        g._check_window_fits("pool2d")
        g._check_plane_size("pool2d")
        if ceil_mode and min(g.padding[1], g.padding[3]) < 0:
            raise ValueError(
                f"pool2d: padding {g.padding} (top, bottom, left, right) crops the end of the "
                f"input {H}x{W}, where ceil_mode adds windows; crop first or leave ceil_mode out"
            )
        for axis in (0, 1):
            if not g._every_window_has_a_pixel(axis):
                raise ValueError(
                    f"pool2d: with padding {g.padding} (top, bottom, left, right) a window "
                    f"{R}x{S} over the input {H}x{W} holds nothing but padding; "
                    f"padding of at most {R // 2}, {S // 2} fits"
                )
        return g

    def _taps_padded(self, axis: int) -> np.ndarray:
        """The number of taps of each window on the plane or its padding, (P,) or (Q,)."""
        size, _, after = self._axis(axis)
        return self._taps_before(axis, size + after)

    def divisors(self) -> np.ndarray:
        """Divisors of average pooling by PyTorch's rule, (P,Q) float64.

        With `count_include_pad` the number of taps on the plane and its padding, else on the plane.
        """
        count = self._taps_padded if self.count_include_pad else self._taps_inside
        return np.multiply.outer(count(0), count(1)).astype(np.float64)
