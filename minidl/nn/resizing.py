"""Layers that pad and resize planes, or turn blocks of pixels into channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl import functional as F
from minidl.functional import arguments, padding
from minidl.functional.resampling import Resampling
from minidl.nn.module import Module
from minidl.tensor import Tensor


class Pad(Module):
    """F.pad: (before, after) of the last axis first; mode constant, reflect, replicate, circular.

    A pad of the batch's axis must be 0.
    """

    def __init__(self, pad: Sequence[int], mode: str = "constant", value: float = 0.0) -> None:
        arguments.one_of(mode, padding.MODES, "Pad: mode")
        self.settings: dict[str, Any] = {
            "pad": arguments.integers(pad, "Pad: pad"), "mode": mode,
            "value": arguments.number(value, "Pad: value"),
        }  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, **self.settings)


class Resize(Module):
    """F.resize: ONNX's Resize with its attributes."""

    def __init__(
        self,
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
    ) -> None:
        Resampling(mode, coordinate_transformation_mode, nearest_mode)  # raises for unknown names
        self.settings: dict[str, Any] = {
            "sizes": sizes, "scales": scales, "axes": axes, "mode": mode,
            "coordinate_transformation_mode": coordinate_transformation_mode,
            "nearest_mode": nearest_mode, "cubic_coeff_a": cubic_coeff_a,
            "exclude_outside": exclude_outside, "antialias": antialias, "roi": roi,
            "extrapolation_value": extrapolation_value,
            "keep_aspect_ratio_policy": keep_aspect_ratio_policy,
        }  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return F.resize(x, **self.settings)


class Upsample(Module):
    """F.interpolate."""

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        self.settings: dict[str, Any] = {
            "size": size, "scale_factor": scale_factor, "mode": mode,
            "align_corners": align_corners, "recompute_scale_factor": recompute_scale_factor,
        }  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, **self.settings)


class DepthToSpace(Module):
    """F.depth_to_space; `mode` "CRD" is PyTorch's PixelShuffle, "DCR" ONNX's default."""

    def __init__(self, blocksize: int, mode: str = "DCR") -> None:
        arguments.one_of(mode, ("DCR", "CRD"), "DepthToSpace: mode")
        side = arguments.integer(blocksize, "DepthToSpace: blocksize", least=1)
        self.settings: dict[str, Any] = {"blocksize": side, "mode": mode}

    def forward(self, x: Tensor) -> Tensor:
        return F.depth_to_space(x, **self.settings)


class SpaceToDepth(Module):
    """F.space_to_depth; `mode` "CRD" is PyTorch's PixelUnshuffle, "DCR" ONNX's SpaceToDepth."""

    def __init__(self, blocksize: int, mode: str = "DCR") -> None:
        arguments.one_of(mode, ("DCR", "CRD"), "SpaceToDepth: mode")
        side = arguments.integer(blocksize, "SpaceToDepth: blocksize", least=1)
        self.settings: dict[str, Any] = {"blocksize": side, "mode": mode}

    def forward(self, x: Tensor) -> Tensor:
        return F.space_to_depth(x, **self.settings)
