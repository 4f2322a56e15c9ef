"""Small graphs with each operation that networks have, over images of 16 x 16 pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from minidl import nn
from zfnet.inspectable import InspectableGraph

SIDE = 16
Layers = dict[str, tuple[nn.Module, Sequence[str]]]


class Looked(InspectableGraph):
    """A graph over images of 16 x 16 pixels, of chains and branches."""

    def __init__(self, layers: Layers) -> None:
        super().__init__(
            {name: layer for name, (layer, _) in layers.items()},
            {name: sources for name, (_, sources) in layers.items()},
        )

    @property
    def image_size(self) -> int:
        return SIDE


def conv(c: int, k: int, size: int, **settings: int) -> nn.Conv2d:
    rng = np.random.default_rng(c + 10 * k + size)
    groups = settings.get("groups", 1)
    weight = rng.standard_normal((k, c // groups, size, size)) / size
    return nn.Conv2d.of(weight, rng.standard_normal(k), **settings)


def linear(inner: int, outer: int) -> nn.Linear:
    rng = np.random.default_rng(inner + outer)
    weight = rng.standard_normal((outer, inner)) / np.sqrt(inner)
    return nn.Linear.of(weight, rng.standard_normal(outer))


def chain(*layers: nn.Module) -> Layers:
    """conv 3x3 to 4 maps, then the layers one after the other."""
    found: Layers = {"stem": (conv(3, 4, 3, padding=1), [nn.INPUT])}
    before = "stem"
    for number, layer in enumerate(layers):
        name = f"{type(layer).__name__}{number}"
        found[name] = (layer, [before])
        before = name
    return found


def window_shift() -> Layers:
    """Swin's shift of the windows by slices and a concatenation."""
    layers = chain()
    layers["low"] = (nn.Slice([3], [None], dims=[2]), ["stem"])
    layers["high"] = (nn.Slice([0], [3], dims=[2]), ["stem"])
    layers["shifted"] = (nn.Concatenate(2), ["low", "high"])
    return layers


def tokens() -> Layers:
    """Patches of 4 x 4 pixels as 16 tokens behind a class token, and a perceptron of each."""
    placed = np.random.default_rng(2).standard_normal((17, 6))
    return {
        "patches": (conv(3, 6, 4, stride=4), [nn.INPUT]),
        "flat": (nn.Reshape((6, 16)), ["patches"]),
        "tokens": (nn.Transpose((0, 2, 1)), ["flat"]),
        "class": (nn.Constant(np.ones((1, 1, 6))), ["tokens"]),
        "all": (nn.Concatenate(1), ["class", "tokens"]),
        "placed": (nn.Shift(placed), ["all"]),
        "norm": (nn.LayerNorm.of(np.ones(6), np.zeros(6), normalized_shape=6), ["placed"]),
        "inner": (linear(6, 8), ["norm"]),
        "gelu": (nn.GELU(), ["inner"]),
        "outer": (linear(8, 6), ["gelu"]),
        "sum": (nn.Add(), ["outer", "placed"]),
    }


def attention() -> Layers:
    """Two heads of attention on these tokens, with a sum around it."""
    found = tokens()
    for name in ("queries", "keys", "values"):
        found[name] = (linear(6, 6), ["sum"])
        found[f"{name} of heads"] = (nn.Reshape((17, 2, 3)), [name])
        axes = (0, 2, 3, 1) if name == "keys" else (0, 2, 1, 3)
        found[f"{name} by head"] = (nn.Transpose(axes), [f"{name} of heads"])
    return found | {
        "products": (nn.MatMul(), ["queries by head", "keys by head"]),
        "shares": (nn.Softmax(-1), ["products"]),
        "means": (nn.MatMul(), ["shares", "values by head"]),
        "by token": (nn.Transpose((0, 2, 1, 3)), ["means"]),
        "joined": (nn.Reshape((17, 6)), ["by token"]),
        "attended": (nn.Add(), ["joined", "sum"]),
    }


def patches_again() -> Layers:
    """The tokens without the class token, as planes with windows."""
    return tokens() | {
        "patches again": (nn.Slice([1], [None], dims=[1]), ["sum"]),
        "turned": (nn.Transpose((0, 2, 1)), ["patches again"]),
        "planes": (nn.Reshape((6, 4, 4)), ["turned"]),
        "neck": (conv(6, 3, 3, padding=1), ["planes"]),
    }


def gated() -> Layers:
    """An inverted residual block with squeeze-and-excitation and smooth rectifiers."""
    return chain(nn.Hardswish(), conv(4, 4, 3, padding=1, groups=4), nn.SiLU()) | {
        "squeeze": (nn.GlobalAvgPool2d(), ["SiLU2"]),
        "reduce": (conv(4, 2, 1), ["squeeze"]),
        "relu": (nn.ReLU(), ["reduce"]),
        "expand": (conv(2, 4, 1), ["relu"]),
        "gate": (nn.Hardsigmoid(), ["expand"]),
        "excite": (nn.Multiply(), ["SiLU2", "gate"]),
        "project": (conv(4, 4, 1), ["excite"]),
        "sum": (nn.Add(), ["project", "stem"]),
    }


def products_of_planes() -> Layers:
    """Swish as a product, a difference, a quotient and a maximum of planes."""
    return chain() | {
        "sigmoid": (nn.Sigmoid(), ["stem"]),
        "swish": (nn.Multiply(), ["stem", "sigmoid"]),
        "wider": (conv(4, 4, 3, padding=1), ["swish"]),
        "difference": (nn.Subtract(), ["wider", "sigmoid"]),
        "quotient": (nn.Divide(), ["difference", "sigmoid"]),
        "maximum": (nn.Maximum(), ["quotient", "stem"]),
        "mean": (nn.Mean(1, keepdim=True), ["maximum"]),
        "less the mean": (nn.Subtract(), ["maximum", "mean"]),
        "last": (conv(4, 3, 3), ["less the mean"]),
    }


def channels_last() -> Layers:
    """A block of ConvNeXt: depthwise windows, then layers over the last axis."""
    return chain(
        conv(4, 4, 5, padding=2, groups=4), nn.Transpose((0, 2, 3, 1)),
        nn.LayerNorm.of(np.full(4, 2.0), np.ones(4), normalized_shape=4), linear(4, 8), nn.GELU(),
        linear(8, 4), nn.Transpose((0, 3, 1, 2)), nn.Scale(np.full((4, 1, 1), 0.5)),
    )  # fmt: skip


def detection() -> Layers:
    """Boxes at the places of two scales, one after the other; a softmax over bins, and its mean."""
    return chain() | {
        "small": (conv(4, 8, 3, stride=2, padding=1), ["stem"]),
        "smaller": (conv(8, 8, 3, stride=2, padding=1), ["small"]),
        "row": (nn.Reshape((8, 64)), ["small"]),
        "second row": (nn.Reshape((8, 16)), ["smaller"]),
        "boxes": (nn.Concatenate(2), ["row", "second row"]),
        "bins": (nn.Reshape((2, 4, 80)), ["boxes"]),
        "bins first": (nn.Transpose((0, 2, 1, 3)), ["bins"]),
        "shares": (nn.Softmax(1), ["bins first"]),
        "mean": (conv(4, 1, 1), ["shares"]),
        "sides": (nn.Reshape((2, 80)), ["mean"]),
        "low": (nn.Slice([0], [1], dims=[1]), ["sides"]),
        "high": (nn.Slice([1], [2], dims=[1]), ["sides"]),
        "middle": (nn.Add(), ["low", "high"]),
        "all": (nn.Concatenate(1), ["middle", "high"]),
    }


NETWORKS: dict[str, Callable[[], Layers]] = {
    "channels last": channels_last,
    "constant pad": lambda: chain(nn.Pad((1, 2, 3, 0), value=0.5), conv(4, 3, 3)),
    "cropped": lambda: chain(nn.Pad((-1, -2, -3, 0)), conv(4, 3, 3)),
    "reflected": lambda: chain(nn.Pad((3, 3, 2, 1), "reflect"), conv(4, 3, 3)),
    "replicated": lambda: chain(nn.Pad((3, 3, 2, 1), "replicate"), conv(4, 3, 3)),
    "circular": lambda: chain(nn.Pad((2, 1, 2, 1), "circular"), conv(4, 3, 3)),
    "every second place": lambda: chain(
        nn.Slice([1, 2], [None, 14], [2, 3], [2, 3]), conv(4, 3, 3)
    ),
    "backwards": lambda: chain(nn.Slice([-1], [None], [-1], [3])),
    "some channels": lambda: chain(nn.Slice([1], [3], dims=[1]), conv(2, 3, 3)),
    "gathered": lambda: chain(nn.Gather([0, 5, 5, 2], 2)),
    "rolled": lambda: chain(nn.Roll((3, -2), (2, 3)), conv(4, 3, 3)),
    "shifted by slices": window_shift,
    "twice as large": lambda: chain(
        conv(4, 3, 3, stride=2), nn.Upsample(scale_factor=2, mode="bilinear"), conv(3, 3, 3)
    ),
    "nearest": lambda: chain(nn.Upsample(size=(23, 9), mode="nearest"), conv(4, 3, 3)),
    "cubic": lambda: chain(nn.Resize(sizes=[21, 30], mode="cubic"), conv(4, 3, 3)),
    "antialiased": lambda: chain(nn.Resize(sizes=[7, 5], mode="linear", antialias=True)),
    "depth to space": lambda: chain(conv(4, 8, 3, stride=2), nn.DepthToSpace(2), conv(2, 3, 3)),
    "space to depth": lambda: chain(nn.SpaceToDepth(2), conv(16, 3, 3)),
    "transposed convolution": lambda: chain(
        conv(4, 4, 3, stride=2), nn.ConvTranspose2d.of(conv(4, 4, 3).weight.data, stride=2)
    ),
    "group normalisation": lambda: chain(
        nn.GroupNorm.of(np.ones(4), np.zeros(4), num_groups=2, num_channels=4)
    ),
    "softmax of channels": lambda: chain(nn.Softmax(1), conv(4, 3, 3)),
    "softmax of rows": lambda: chain(conv(4, 4, 3, stride=2), nn.Softmax(2)),
    "tokens": tokens,
    "without the class token": patches_again,
    "attention": attention,
    "squeeze-and-excitation": gated,
    "products of planes": products_of_planes,
    "detection": detection,
    "softmax of tokens": lambda: tokens() | {"softmax": (nn.Softmax(-1), ["sum"])},
}
