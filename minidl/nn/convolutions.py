"""Convolutions of images as layers, and the attributes that PyTorch's have."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from kernels.contract.arguments import Padding, Pair, pair
from minidl import functional as F
from minidl import init
from minidl.functional import arguments
from minidl.nn.module import Module, Parameter
from minidl.nn.new_parameters import channel_count, channels_per_group, layer_with, zero_bias
from minidl.tensor import Tensor


class Convolution(Module):
    """What is known of a convolution by its weight and settings, under PyTorch's names."""

    weight: Parameter
    bias: Parameter | None
    settings: dict[str, Any]
    transposed = False

    @classmethod
    def of(cls, weight: np.ndarray, bias: np.ndarray | None = None, **settings: Any) -> Self:
        """The layer with these arrays; `settings` and their defaults are the function's."""
        layer = layer_with(cls, weight, bias)
        layer.settings = settings
        return layer

    @property
    def groups(self) -> int:
        """Groups of channels that do not mix."""
        return int(self.settings.get("groups", 1))

    @property
    def in_channels(self) -> int:
        """Channels of x."""
        first, second = self.weight.shape[:2]
        return first if self.transposed else second * self.groups

    @property
    def out_channels(self) -> int:
        """Channels of the result."""
        first, second = self.weight.shape[:2]
        return second * self.groups if self.transposed else first

    @property
    def kernel_size(self) -> tuple[int, ...]:
        """Rows and columns of taps."""
        return self.weight.shape[2:]

    @property
    def stride(self) -> Any:
        """Steps between windows, one an axis."""
        return self._of_each_axis("stride", 1)

    @property
    def padding(self) -> Any:
        """Padding, one number an axis, or as it was given if that is no number."""
        return self._of_each_axis("padding", 0)

    @property
    def dilation(self) -> Any:
        """Steps between taps, one an axis."""
        return self._of_each_axis("dilation", 1)

    def _of_each_axis(self, name: str, usual: int) -> Any:
        value = self.settings.get(name, usual)
        return (value,) * (self.weight.ndim - 2) if isinstance(value, int | np.integer) else value

    def extra_repr(self) -> str:
        """Settings as PyTorch prints them: those of the usual values are left out."""
        given = {"kernel_size": self.kernel_size, **self.settings}
        parts = [str(self.in_channels), str(self.out_channels)]
        for name, usual in (("kernel_size", None), ("stride", None), ("padding", 0),
                            ("output_padding", 0), ("dilation", 1), ("groups", 1)):  # fmt: skip
            value = given.get(name, 1 if name == "stride" else usual)
            if value not in (usual, (usual, usual)):
                two = (value, value) if isinstance(value, int) and name != "groups" else value
                parts.append(f"{name}={two}")
        return ", ".join(parts + ([] if self.bias is not None else ["bias=False"]))


class Conv2d(Convolution):
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
        padding: Padding | str = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        rng: np.random.Generator | None = None,
    ) -> None:
        R, S = pair(kernel_size, "kernel_size")
        out_channels = channel_count(out_channels, "Conv2d: out_channels")
        shape = (out_channels, channels_per_group(in_channels, groups), R, S)
        self.weight = Parameter(init.he_normal(shape, rng))
        self.bias = zero_bias(out_channels, bias)
        if isinstance(padding, str):
            pads = arguments.named_padding(padding, (R, S), dilation, stride, "Conv2d")
            symmetric = pads[0] == pads[1] and pads[2] == pads[3]
            padding = pads[::2] if symmetric else pads
        self.settings: dict[str, Any] = {
            "stride": stride, "padding": padding, "dilation": dilation, "groups": groups,
        }  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, **self.settings)


class ConvTranspose2d(Convolution):
    """F.conv_transpose2d with its own weight (K,C/groups,R,S) and bias (C,)."""

    transposed = True

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
        rng: np.random.Generator | None = None,
    ) -> None:
        R, S = pair(kernel_size, "kernel_size")
        in_channels = channel_count(in_channels, "ConvTranspose2d: in_channels")
        shape = (in_channels, channels_per_group(out_channels, groups), R, S)
        self.weight = Parameter(init.he_normal(shape, rng))
        self.bias = zero_bias(out_channels, bias)
        self.settings: dict[str, Any] = {
            "stride": stride, "padding": padding, "output_padding": output_padding,
            "groups": groups, "dilation": dilation,
        }  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return F.conv_transpose2d(x, self.weight, self.bias, **self.settings)
