"""PyTorch counterparts of layers of `minidl.nn`, with their weights, in float32.

PyTorch has no local contrast normalisation; its formula is written in PyTorch's functions, with a
separable blur as ours. This module needs PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import torch

from kernels.contract.arguments import pads
from kernels.contract.norm_geometry import LCNGeometry
from minidl import nn

functional = torch.nn.functional


class ContrastNorm(torch.nn.Module):
    """v = x - blur(mean of x over the maps), sigma = sqrt(blur(mean of v^2)), c the mean of sigma
    over an image, y = v / max(sigma, c, floor); a blur is divided by the blur of ones."""

    def __init__(self, g: LCNGeometry) -> None:
        super().__init__()
        line = torch.tensor(g.window(), dtype=torch.float32)
        self.vertical = line.reshape(1, 1, -1, 1)  # (s,) -> (1,1,s,1)
        self.horizontal = line.reshape(1, 1, 1, -1)  # (s,) -> (1,1,1,s)
        self.half, self.floor = g.size // 2, g.floor
        self.coverage: dict[tuple[int, int], Any] = {}

    def _window(self, u: Any) -> Any:
        blurred = functional.conv2d(u, self.vertical, padding=(self.half, 0))
        return functional.conv2d(blurred, self.horizontal, padding=(0, self.half))

    def _blur(self, u: Any) -> Any:
        plane = u.shape[2:]
        if plane not in self.coverage:
            self.coverage[plane] = self._window(torch.ones(1, 1, *plane, device=u.device))
        return self._window(u) / self.coverage[plane]

    def forward(self, x: Any) -> Any:
        v = x - self._blur(x.mean(1, keepdim=True))
        sigma = self._blur((v * v).mean(1, keepdim=True)).clamp(min=1e-30).sqrt()  # (N,1,H,W)
        c = sigma.mean((2, 3), keepdim=True).clamp(min=self.floor)
        return v / torch.maximum(sigma, c)


class Channelwise(torch.nn.Module):
    """x (N,C,...) times weight (C,) plus bias (C,)."""

    def __init__(self, weight: Any, bias: Any) -> None:
        super().__init__()
        self.weight, self.bias = torch.nn.Parameter(weight), torch.nn.Parameter(bias)

    def forward(self, x: Any) -> Any:
        shape = (-1, *(1,) * (x.ndim - 2))
        return x * self.weight.reshape(shape) + self.bias.reshape(shape)  # (C,) -> (C,1,...)


class Function(torch.nn.Module):
    """A function of one or several tensors, with weights that broadcast if it has some."""

    def __init__(self, function: Callable[..., Any], weight: Any = None) -> None:
        super().__init__()
        self.function = function
        self.weight = None if weight is None else torch.nn.Parameter(weight)

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs, *(() if self.weight is None else (self.weight,)))


Maker = Callable[[Any, dict[str, Any], dict[str, Any]], Any]
"""The counterpart of a layer, from the layer, its settings and its weights as tensors."""


def _conv(layer: Any, settings: dict[str, Any], weights: dict[str, Any]) -> Any:
    top, bottom, left, right = pads(settings.get("padding", 0))
    if (top, left) != (bottom, right):
        raise TypeError(f"padding {settings['padding']}, unequal on two sides")
    K, C, *size = weights["weight"].shape
    others = {n: settings.get(n, 1) for n in ("stride", "dilation", "groups")}
    channels, bias = C * others["groups"], "bias" in weights
    return torch.nn.Conv2d(channels, K, tuple(size), padding=(top, left), bias=bias, **others)


def _linear(layer: Any, settings: dict[str, Any], weights: dict[str, Any]) -> Any:
    K, C = weights["weight"].shape
    return torch.nn.Linear(C, K, bias="bias" in weights)


def _pool(kind: Any) -> Maker:
    def make(layer: Any, settings: dict[str, Any], weights: dict[str, Any]) -> Any:
        top, bottom, left, right = pads(settings["padding"])
        if (top, left) != (bottom, right):
            raise TypeError(f"padding {settings['padding']}, unequal on two sides")
        return kind(**{**settings, "padding": (top, left)})

    return make


def _norm(layer: Any, settings: dict[str, Any], weights: dict[str, Any]) -> Any:
    tracked = "running_mean" in weights
    return torch.nn.BatchNorm2d(
        layer.num_features, layer.eps, layer.momentum, "weight" in weights, tracked
    )


def _hard_sigmoid(layer: Any, settings: dict[str, Any], weights: dict[str, Any]) -> Any:
    alpha, beta = settings["alpha"], settings["beta"]
    if abs(6 * alpha - 1) < 1e-6 and beta == 0.5:
        return torch.nn.Hardsigmoid()
    return Function(lambda x: (alpha * x + beta).clamp(0, 1))


def _plain(kind: Callable[..., Any], *names: str) -> Maker:
    """A layer without weights, with the settings of these names."""
    return lambda layer, settings, weights: kind(**{n: settings[n] for n in names})


def _function(function: Callable[..., Any]) -> Maker:
    return lambda layer, settings, weights: Function(function, weights.get("weight"))


MAKERS: dict[type, Maker] = {
    nn.Conv2d: _conv,
    nn.Linear: _linear,
    nn.BatchNorm2d: _norm,
    nn.MaxPool2d: _pool(torch.nn.MaxPool2d),
    nn.AvgPool2d: _pool(torch.nn.AvgPool2d),
    nn.GlobalAvgPool2d: lambda *_: torch.nn.AdaptiveAvgPool2d(1),
    nn.GlobalMaxPool2d: lambda *_: torch.nn.AdaptiveMaxPool2d(1),
    nn.LocalContrastNorm: lambda layer, s, w: ContrastNorm(LCNGeometry.of((1, 1, 1, 1), **s)),
    nn.LocalResponseNorm: _plain(torch.nn.LocalResponseNorm, "size", "alpha", "beta", "k"),
    nn.LayerNorm: _plain(torch.nn.LayerNorm, "normalized_shape", "eps"),
    nn.Affine: lambda layer, s, w: Channelwise(w["weight"], w["bias"]),
    nn.Concatenate: lambda layer, s, w: Function(lambda *xs: torch.cat(xs, s["axis"])),
    nn.Add: _function(lambda x, *others: sum(others, x)),
    nn.Shift: _function(torch.add),
    nn.Scale: _function(torch.mul),
    nn.Multiply: _function(lambda x, *others: reduce(torch.mul, others, x)),
    nn.Subtract: _function(torch.sub),
    nn.Divide: _function(torch.div),
    nn.Transpose: lambda layer, s, w: Function(lambda x: x.permute(tuple(s["axes"]))),
    nn.Flatten: lambda layer, s, w: torch.nn.Flatten(*layer.dims),
    nn.Dropout: lambda layer, s, w: torch.nn.Dropout(layer.p),
    nn.Identity: lambda *_: torch.nn.Identity(),
    nn.ReLU: lambda *_: torch.nn.ReLU(),
    nn.ReLU6: lambda *_: torch.nn.ReLU6(),
    nn.SiLU: lambda *_: torch.nn.SiLU(),
    nn.Sigmoid: lambda *_: torch.nn.Sigmoid(),
    nn.Tanh: lambda *_: torch.nn.Tanh(),
    nn.Hardswish: lambda *_: torch.nn.Hardswish(),
    nn.Hardsigmoid: _hard_sigmoid,
    nn.GELU: _plain(torch.nn.GELU, "approximate"),
    nn.Clip: lambda layer, s, w: torch.nn.Hardtanh(s["low"], s["high"]),
    nn.LeakyReLU: lambda layer, s, w: torch.nn.LeakyReLU(s["slope"]),
    nn.Softmax: lambda layer, s, w: torch.nn.Softmax(s["axis"]),
}
"""By the layer's kind."""


def counterpart(name: str, layer: nn.Module) -> Any:
    """PyTorch's layer of this kind with these weights; TypeError where there is none here."""
    settings: dict[str, Any] = getattr(layer, "settings", {})
    weights = {n: torch.tensor(array.copy()) for n, array in layer.state_dict().items()}
    if type(layer) not in MAKERS:
        raise TypeError(f"layer {name!r}, a {type(layer).__name__}, has no counterpart in PyTorch")
    try:
        module = MAKERS[type(layer)](layer, settings, weights)
    except TypeError as error:
        raise TypeError(f"layer {name!r} has no counterpart in PyTorch: {error}") from None
    if weights:
        module.load_state_dict(weights)
    return module
