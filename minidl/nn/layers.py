"""Layers that call a function of `minidl.functional` with their own parameters and settings."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.contract.arguments import Padding, Pair
from minidl import functional as F
from minidl import init
from minidl.functional import arguments
from minidl.nn.convolutions import Conv2d as Conv2d
from minidl.nn.convolutions import ConvTranspose2d as ConvTranspose2d
from minidl.nn.in_place import InPlace
from minidl.nn.module import Module, Parameter
from minidl.nn.new_parameters import channel_count, layer_with, zero_bias
from minidl.tensor import Tensor


class Linear(Module):
    """F.linear with its own weight (K,F) and bias (K,)."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: np.random.Generator | None = None,
    ) -> None:
        shape = (
            channel_count(out_features, "Linear: out_features"),
            channel_count(in_features, "in_features"),
        )
        self.weight = Parameter(init.he_normal(shape, rng))
        self.bias = zero_bias(out_features, bias)

    @classmethod
    def of(cls, weight: np.ndarray, bias: np.ndarray | None = None) -> Linear:
        """The layer with these arrays."""
        return layer_with(cls, weight, bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)

    @property
    def in_features(self) -> int:
        """F, the size of the last axis of x."""
        return self.weight.shape[1]

    @property
    def out_features(self) -> int:
        """K, the size of the last axis of the result."""
        return self.weight.shape[0]

    def extra_repr(self) -> str:
        bias = self.bias is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={bias}"


class ReLU(InPlace):
    """F.relu; with `inplace` it overwrites its input, as in PyTorch."""

    def function(self, x: Tensor) -> Tensor:
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
    """(N, C, H, W) -> (N, C H W); the axes from `start_dim` to `end_dim` as one."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.dims = tuple(
            arguments.integer(dim, f"Flatten: {name}")
            for name, dim in (("start_dim", start_dim), ("end_dim", end_dim))
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.flatten(x) if self.dims == (1, -1) else x.flatten(*self.dims)

    def extra_repr(self) -> str:
        return "start_dim={}, end_dim={}".format(*self.dims)


class Dropout(Module):
    """F.dropout while training; each layer has its `stream`.

    A trainer that sets `seed` and `step` gets the masks that follow from these. Otherwise each call
    has a new mask, from the generator that `minidl.manual_seed` seeds. `first`: images of the batch
    in front of the part that it is given.
    """

    seed: int | None = None
    step: int | None = None
    first: int = 0

    def __init__(self, p: float = 0.5, stream: int = 0, *, inplace: bool = False) -> None:
        self.p = arguments.number(p, "Dropout: p")
        self.stream = arguments.integer(stream, "Dropout: stream", least=0)
        arguments.flag(inplace, "Dropout: inplace")  # only a way to save memory

    def extra_repr(self) -> str:
        return f"p={self.p}"

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(
            x, self.p, seed=self.seed, step=self.step, stream=self.stream, first=self.first,
            training=self.training,
        )  # fmt: skip


class Dropout2d(Dropout):
    """Dropout of whole channels: a plane of x (N,C,H,W) is kept or set to 0 (Tompson 2015)."""

    def forward(self, x: Tensor) -> Tensor:
        ones = Tensor(np.ones(x.shape[:2], x.dtype)).to(x.device)
        kept = super().forward(ones)
        return x if kept is ones else x * kept.reshape(*x.shape[:2], *(1,) * (x.ndim - 2))
