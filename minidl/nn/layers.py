"""Layers that call a function of `minidl.functional` with their own parameters and settings."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from kernels.contract import memory
from kernels.contract.geometry import Padding, Pair, pair
from minidl import functional as F
from minidl import init
from minidl.nn.module import Module, Parameter
from minidl.tensor import Tensor


class Conv2d(Module):
    """F.conv2d with its own weight (K,C/groups,R,S), drawn from `rng`, and bias (K,).

    The kernel that it chooses by itself may be Winograd's: for 3x3 in float32 that holds its bound
    while the largest pixels times the sums of |w| add up to 2e35 at most, and spreads a NaN over a
    tile of up to 7x7 outputs. Within `minidl.exact()` it does neither; F.conv2d has the numbers.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Padding = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        rng: np.random.Generator,
    ) -> None:
        R, S = pair(kernel_size, "kernel_size")
        shape = (out_channels, _a_group(in_channels, groups), R, S)
        self.weight = Parameter(init.he_normal(shape, rng))
        self.bias = Parameter(np.zeros(out_channels, np.float32)) if bias else None
        self.settings: dict[str, Any] = {
            "stride": stride, "padding": padding, "dilation": dilation, "groups": groups,
        }  # fmt: skip

    @classmethod
    def of(cls, weight: np.ndarray, bias: np.ndarray | None = None, **settings: Any) -> Conv2d:
        """The layer with these arrays; `settings` and their defaults are the function's."""
        layer = _with(cls, weight, bias)
        layer.settings = settings
        return layer

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, **self.settings)


class ConvTranspose2d(Module):
    """F.conv_transpose2d with its own weight (K,C/groups,R,S) and bias (C,)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Padding = 0,
        output_padding: Pair = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Pair = 1,
        *,
        rng: np.random.Generator,
    ) -> None:
        R, S = pair(kernel_size, "kernel_size")
        shape = (in_channels, _a_group(out_channels, groups), R, S)
        self.weight = Parameter(init.he_normal(shape, rng))
        self.bias = Parameter(np.zeros(out_channels, np.float32)) if bias else None
        self.settings: dict[str, Any] = {
            "stride": stride, "padding": padding, "output_padding": output_padding,
            "groups": groups, "dilation": dilation,
        }  # fmt: skip

    @classmethod
    def of(
        cls, weight: np.ndarray, bias: np.ndarray | None = None, **settings: Any
    ) -> ConvTranspose2d:
        """The layer with these arrays; `settings` and their defaults are the function's."""
        layer = _with(cls, weight, bias)
        layer.settings = settings
        return layer

    def forward(self, x: Tensor) -> Tensor:
        return F.conv_transpose2d(x, self.weight, self.bias, **self.settings)


class Linear(Module):
    """F.linear with its own weight (K,F) and bias (K,)."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: np.random.Generator,
    ) -> None:
        shape = (out_features, in_features)
        self.weight = Parameter(init.he_normal(shape, rng))
        self.bias = Parameter(np.zeros(out_features, np.float32)) if bias else None

    @classmethod
    def of(cls, weight: np.ndarray, bias: np.ndarray | None = None) -> Linear:
        """The layer with these arrays."""
        return _with(cls, weight, bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)


class ReLU(Module):
    """F.relu."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x)


class MaxPool2d(Module):
    """F.max_pool2d; the switches are on the tape."""

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Padding = 0,
        dilation: Pair = 1,
        ceil_mode: bool = False,
    ) -> None:
        self.settings: dict[str, Any] = {
            "kernel_size": kernel_size, "stride": stride, "padding": padding,
            "dilation": dilation, "ceil_mode": ceil_mode,
        }  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, **self.settings)


class AvgPool2d(Module):
    """F.avg_pool2d."""

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Padding = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        self.settings: dict[str, Any] = {
            "kernel_size": kernel_size, "stride": stride, "padding": padding,
            "ceil_mode": ceil_mode, "count_include_pad": count_include_pad,
        }  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, **self.settings)


class LocalContrastNorm(Module):
    """F.local_contrast_norm."""

    def __init__(
        self, size: int = 9, sigma: float = 1.5, border: str = "corrected", floor: float = 1e-4
    ) -> None:
        self.settings: dict[str, Any] = {
            "size": size, "sigma": sigma, "border": border, "floor": floor,
        }  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return F.local_contrast_norm(x, **self.settings)


class LocalResponseNorm(Module):
    """F.local_response_norm."""

    def __init__(
        self, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0
    ) -> None:
        self.settings: dict[str, Any] = {"size": size, "alpha": alpha, "beta": beta, "k": k}

    def forward(self, x: Tensor) -> Tensor:
        return F.local_response_norm(x, **self.settings)


class Flatten(Module):
    """(N, C, H, W) -> (N, C H W)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.flatten(x)


class Dropout(Module):
    """F.dropout while training; the trainer sets `seed` and `step`, each layer has its `stream`."""

    def __init__(self, p: float = 0.5, stream: int = 0) -> None:
        self.p = p
        self.stream = stream
        self.seed = 0
        self.step = 0

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(
            x, self.p, seed=self.seed, step=self.step, stream=self.stream, training=self.training
        )


L = TypeVar("L", "Conv2d", "ConvTranspose2d", "Linear")


def _with(kind: type[L], weight: np.ndarray, bias: np.ndarray | None) -> L:
    """A layer with given parameters, without random initial weights."""
    layer = kind.__new__(kind)
    layer.weight = Parameter(
        memory.canonicalise(weight)
    )  # in the kernels' layout, so that no call has to copy it
    layer.bias = None if bias is None else Parameter(bias)
    return layer


def _a_group(channels: int, groups: int) -> int:
    """Channels of one group; ValueError if they do not divide."""
    if groups < 1 or channels % groups:
        raise ValueError(f"groups must divide the {channels} channels, got {groups}")
    return channels // groups
