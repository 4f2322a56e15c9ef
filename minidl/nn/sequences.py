"""Layers of pooling of sequences (N,C,L), and windows of images as columns."""

from __future__ import annotations

from typing import Any

from minidl import functional as F
from minidl.nn.module import Module
from minidl.tensor import Tensor


class MaxPool1d(Module):
    """F.max_pool1d."""

    def __init__(
        self, kernel_size: int, stride: int | None = None, padding: int = 0, dilation: int = 1
    ) -> None:
        self.settings: dict[str, Any] = {
            "kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation,
        }  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool1d(x, **self.settings)


class AvgPool1d(Module):
    """F.avg_pool1d."""

    def __init__(
        self, kernel_size: int, stride: int | None = None, padding: int = 0,
        ceil_mode: bool = False, count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        self.settings: dict[str, Any] = {
            "kernel_size": kernel_size, "stride": stride, "padding": padding,
            "ceil_mode": ceil_mode, "count_include_pad": count_include_pad,
        }  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool1d(x, **self.settings)


class AdaptiveAvgPool1d(Module):
    """F.adaptive_avg_pool1d."""

    def __init__(self, output_size: int) -> None:
        self.settings: dict[str, Any] = {"output_size": output_size}

    def forward(self, x: Tensor) -> Tensor:
        return F.adaptive_avg_pool1d(x, **self.settings)


class Unfold(Module):
    """F.unfold: (N,C,H,W) -> (N, C R S, P Q)."""

    def __init__(
        self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
    ) -> None:
        self.settings: dict[str, Any] = {
            "kernel_size": kernel_size, "dilation": dilation, "padding": padding, "stride": stride,
        }  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return F.unfold(x, **self.settings)
