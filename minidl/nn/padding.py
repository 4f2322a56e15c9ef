"""Layers of padding, and of other shapes of images, under PyTorch's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import functional as F
from minidl.functional import arguments
from minidl.nn.module import Module
from minidl.nn.resizing import Upsample
from minidl.tensor import Tensor


class ConstantPad2d(Module):
    """F.pad of (...,H,W) by a value: `padding` on every side, or (left, right, top, bottom)."""

    mode = "constant"

    def __init__(self, padding: int | Sequence[int], value: float = 0.0) -> None:
        kind = type(self).__name__
        one = isinstance(padding, int | np.integer)
        given = arguments.integers((padding,) * 4 if one else padding, f"{kind}: padding")
        if len(given) != 4:
            raise ValueError(f"{kind}: padding is one number or four, got {given}")
        self.settings: dict[str, Any] = {
            "pad": given, "mode": self.mode, "value": arguments.number(value, f"{kind}: value"),
        }  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, **self.settings)


class ZeroPad2d(ConstantPad2d):
    """F.pad by zeros."""

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__(padding)


class ReflectionPad2d(ZeroPad2d):
    """F.pad, mirrored at the edge."""

    mode = "reflect"


class ReplicationPad2d(ZeroPad2d):
    """F.pad by the edge."""

    mode = "replicate"


class CircularPad2d(ZeroPad2d):
    """F.pad by the opposite side."""

    mode = "circular"


class Unflatten(Module):
    """The axis `dim` as several of these sizes."""

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        self.dim = arguments.integer(dim, "Unflatten: dim")
        self.sizes = arguments.integers(unflattened_size, "Unflatten: unflattened_size", least=-1)

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(self.dim, self.sizes)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.sizes}"


class PixelShuffle(Module):
    """F.pixel_shuffle: (N, C r r, H, W) -> (N, C, H r, W r)."""

    def __init__(self, upscale_factor: int) -> None:
        side = arguments.integer(upscale_factor, "PixelShuffle: upscale_factor", least=1)
        self.settings: dict[str, Any] = {"upscale_factor": side}

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(x, **self.settings)


class PixelUnshuffle(Module):
    """F.pixel_unshuffle: (N, C, H r, W r) -> (N, C r r, H, W)."""

    def __init__(self, downscale_factor: int) -> None:
        side = arguments.integer(downscale_factor, "PixelUnshuffle: downscale_factor", least=1)
        self.settings: dict[str, Any] = {"downscale_factor": side}

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_unshuffle(x, **self.settings)


class UpsamplingNearest2d(Upsample):
    """F.interpolate by the nearest element."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """F.interpolate by straight lines, with aligned corners."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "bilinear", align_corners=True)
