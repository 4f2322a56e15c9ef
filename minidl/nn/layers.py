"""Layers that call a function of `minidl.functional` with their own parameters and settings."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from kernels.contract import memory
from kernels.contract.arguments import MOST, Padding, Pair, pair
from minidl import functional as F
from minidl import init
from minidl.functional import arguments
from minidl.nn.in_place import InPlace
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
        rng: np.random.Generator | None = None,
    ) -> None:
        R, S = pair(kernel_size, "kernel_size")
        out_channels = _count(out_channels, "Conv2d: out_channels")
        shape = (out_channels, _a_group(in_channels, groups), R, S)
        self.weight = Parameter(init.he_normal(shape, rng))
        self.bias = _zeros(out_channels, bias)
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

    def extra_repr(self) -> str:
        K, group, R, S = self.weight.shape
        return _shown(group * self.settings.get("groups", 1), K, (R, S), self)


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
        rng: np.random.Generator | None = None,
    ) -> None:
        R, S = pair(kernel_size, "kernel_size")
        in_channels = _count(in_channels, "ConvTranspose2d: in_channels")
        shape = (in_channels, _a_group(out_channels, groups), R, S)
        self.weight = Parameter(init.he_normal(shape, rng))
        self.bias = _zeros(out_channels, bias)
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

    def extra_repr(self) -> str:
        K, group, R, S = self.weight.shape
        return _shown(K, group * self.settings.get("groups", 1), (R, S), self)


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
        shape = _count(out_features, "Linear: out_features"), _count(in_features, "in_features")
        self.weight = Parameter(init.he_normal(shape, rng))
        self.bias = _zeros(out_features, bias)

    @classmethod
    def of(cls, weight: np.ndarray, bias: np.ndarray | None = None) -> Linear:
        """The layer with these arrays."""
        return _with(cls, weight, bias)

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


L = TypeVar("L", "Conv2d", "ConvTranspose2d", "Linear")


def _with(kind: type[L], weight: np.ndarray, bias: np.ndarray | None) -> L:
    """A layer with given parameters, without random initial weights."""
    for name, array in (("weight", weight), ("bias", bias)):
        if array is not None or name == "weight":
            arguments.array(array, f"{kind.__name__}: {name}")
    layer = kind.__new__(kind)
    layer.weight = Parameter(
        memory.canonicalise(weight)
    )  # in the kernels' layout, so that no call has to copy it
    layer.bias = None if bias is None else Parameter(bias)
    return layer


def _zeros(channels: int, wanted: object) -> Parameter | None:
    """The bias of a new layer, if it is wanted."""
    return Parameter(np.zeros(channels, np.float32)) if arguments.flag(wanted, "bias") else None


def _shown(channels: int, filters: int, window: Pair, layer: Conv2d | ConvTranspose2d) -> str:
    """Settings as PyTorch prints them: those of the usual values are left out."""
    given = {"kernel_size": window, **layer.settings}
    parts = [str(channels), str(filters)]
    for name, usual in (("kernel_size", None), ("stride", None), ("padding", 0),
                        ("output_padding", 0), ("dilation", 1), ("groups", 1)):  # fmt: skip
        value = given.get(name, 1 if name == "stride" else usual)
        if value not in (usual, (usual, usual)):
            two = (value, value) if isinstance(value, int) and name != "groups" else value
            parts.append(f"{name}={two}")
    return ", ".join(parts + ([] if layer.bias is not None else ["bias=False"]))


def _count(value: object, what: str) -> int:
    """A number of channels or features."""
    return arguments.integer(value, what, least=0, most=MOST)


def _a_group(channels: int, groups: int) -> int:
    """Channels of one group; ValueError if they do not divide."""
    channels, groups = _count(channels, "channels"), arguments.integer(groups, "groups")
    if groups < 1 or channels % groups:
        raise ValueError(f"groups must divide the {channels} channels, got {groups}")
    return channels // groups
