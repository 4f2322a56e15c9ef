"""Elementwise and channelwise layers: activations, scales, orders of channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import device
from minidl import functional as F
from minidl.functional import arguments
from minidl.nn.in_place import InPlace
from minidl.nn.module import Module, Parameter
from minidl.tensor import Tensor


class Affine(Module):
    """x (N,C,...) times weight (C,) plus bias (C,), channel by channel.

    Batch normalisation with fixed statistics (Ioffe, Szegedy 2015, section 3.1):
    weight = gamma / sqrt(variance + epsilon), bias = beta - mean * weight.
    """

    def __init__(self, weight: np.ndarray, bias: np.ndarray) -> None:
        arguments.array(weight, "Affine: weight")
        arguments.array(bias, "Affine: bias")
        if weight.ndim != 1 or weight.shape != bias.shape:
            raise ValueError(f"Affine: weight {weight.shape} and bias {bias.shape} must be (C,)")
        self.weight, self.bias = Parameter(weight), Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        return x * _by_channel(self.weight, x) + _by_channel(self.bias, x)


class Pixels(Module):
    """Colour channels in the order and scale with which the layers above were trained.

    x (N,C,H,W) -> y[:, i] = scale[i] * x[:, order[i]]. With it a network takes red, green and blue
    whatever its own order, and projections are in this order too.
    """

    def __init__(self, order: Sequence[int], scale: Sequence[float]) -> None:
        order = arguments.integers(order, "Pixels: order")
        scale = arguments.numbers(scale, "Pixels: scale")
        if sorted(order) != list(range(len(order))) or len(scale) != len(order):
            raise ValueError(
                f"Pixels: order {tuple(order)} must name each channel once, with as many scales, "
                f"got {tuple(scale)}"
            )
        self.settings: dict[str, Any] = {"order": list(order), "scale": list(scale)}

    def forward(self, x: Tensor) -> Tensor:
        order, scale = self.settings["order"], self.settings["scale"]
        if order != sorted(order):
            x = F.concatenate([x[:, i : i + 1] for i in order])
        if all(s == 1 for s in scale):
            return x
        scales = np.array(scale, x.dtype).reshape(1, -1, 1, 1)  # (C,) -> (1,C,1,1)
        return x * Tensor(device.like(scales, x._array))


class LeakyReLU(InPlace):
    """x where x > 0, `slope` times x elsewhere."""

    def __init__(self, slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.settings: dict[str, Any] = {"slope": arguments.number(slope, "LeakyReLU: slope")}

    def function(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x, self.settings["slope"])


class PReLU(Module):
    """LeakyReLU with learnt slopes: weight (C,), or (1,) for all channels (He et al. 2015)."""

    def __init__(self, weight: np.ndarray) -> None:
        arguments.array(weight, "PReLU: weight")
        if weight.ndim != 1:
            raise ValueError(f"PReLU: the slopes are {weight.shape}, must be (C,) or (1,)")
        self.weight = Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.prelu(x, self.weight)


class Sigmoid(Module):
    """F.sigmoid."""

    def forward(self, x: Tensor) -> Tensor:
        return F.sigmoid(x)


class Tanh(Module):
    """F.tanh."""

    def forward(self, x: Tensor) -> Tensor:
        return F.tanh(x)


class Softmax(Module):
    """F.softmax along `axis`, or `dim`, PyTorch's name of it."""

    def __init__(self, axis: int = -1, *, dim: int | None = None) -> None:
        along = axis if dim is None else dim
        self.settings: dict[str, Any] = {"axis": arguments.integer(along, "Softmax: axis")}

    def forward(self, x: Tensor) -> Tensor:
        return F.softmax(x, **self.settings)


class Clip(Module):
    """F.clip; with bounds 0 and 6 it is "ReLU6"."""

    def __init__(self, low: float, high: float) -> None:
        low, high = arguments.number(low, "Clip: low"), arguments.number(high, "Clip: high")
        if not low <= high:
            raise ValueError(f"Clip: low {low} must be at most high {high}")
        self.settings: dict[str, Any] = {"low": low, "high": high}

    def forward(self, x: Tensor) -> Tensor:
        return F.clip(x, **self.settings)


class Identity(Module):
    """x unchanged."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def _by_channel(values: Tensor, x: Tensor) -> Tensor:
    """(C,) -> (C,1,...), which broadcasts along axis 1 of x."""
    return F.reshape(values, (-1, *(1,) * (x.ndim - 2)))
