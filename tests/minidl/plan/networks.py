"""Small networks with what plans fuse, share or leave alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minidl import nn

Rng = np.random.Generator


def residual(rng: Rng) -> nn.Graph:
    """A first layer with pooling, an identity block, a block with a convolution as shortcut."""
    layers = {
        "first": nn.Conv2d(3, 16, 3, stride=2, padding=1, rng=rng),
        "first_relu": nn.ReLU(),
        "pool": nn.MaxPool2d(3, 2, 1),
        "a": nn.Conv2d(16, 16, 3, padding=1, rng=rng),
        "a_relu": nn.ReLU(),
        "b": nn.Conv2d(16, 16, 3, padding=1, rng=rng),
        "sum": nn.Add(),
        "sum_relu": nn.ReLU(),
        "c": nn.Conv2d(16, 40, 1, rng=rng),
        "short": nn.Conv2d(16, 40, 3, padding=1, groups=2, rng=rng),
        "join": nn.Add(),
        "clip": nn.Clip(-0.5, 0.75),
        "mean": nn.GlobalAvgPool2d(),
        "flat": nn.Flatten(),
        "scores": nn.Linear(40, 7, rng=rng),
    }
    wiring = nn.Sequential(layers).wiring() | {
        "sum": ("pool", "b"),
        "c": ("sum_relu",),
        "short": ("sum_relu",),
        "join": ("short", "c"),
    }
    return nn.Graph(layers, wiring)


def squeezed(rng: Rng) -> nn.Graph:
    """A block of a mobile network: depthwise, squeeze-and-excitation, a linear bottleneck."""
    layers = {
        "expand": nn.Conv2d(3, 40, 1, rng=rng),
        "silu": nn.SiLU(),
        "depth": nn.Conv2d(40, 40, 5, padding=2, groups=40, rng=rng),
        "hard": nn.Hardswish(),
        "mean": nn.GlobalAvgPool2d(),
        "down": nn.Conv2d(40, 8, 1, rng=rng),
        "down_relu": nn.ReLU(),
        "up": nn.Conv2d(8, 40, 1, rng=rng),
        "gate": nn.Sigmoid(),
        "times": nn.Multiply(),
        "project": nn.Conv2d(40, 24, 1, rng=rng),
        "gelu": nn.GELU(),
    }
    wiring = nn.Sequential(layers).wiring() | {"times": ("gate", "hard")}
    return nn.Graph(layers, wiring)


def dense(rng: Rng) -> nn.Graph:
    """A dense block: each layer reads all before it, through an affine layer."""
    layers: dict[str, nn.Module] = {
        "first": nn.Conv2d(3, 16, 3, padding=1, rng=rng), "pool": nn.MaxPool2d(2),
    }  # fmt: skip
    wiring: dict[str, tuple[str, ...]] = {"first": (nn.INPUT,), "pool": ("first",)}
    features, channels = ["pool"], 16
    for i in range(4):
        before = features[0]
        if i:
            before = f"all{i}"
            layers[before], wiring[before] = nn.Concatenate(), tuple(features)
        affine = nn.Affine(*rng.standard_normal((2, channels), np.float32))
        parts = [affine, nn.ReLU(), nn.Conv2d(channels, 12, 3, padding=1, rng=rng)]
        for name, layer in zip(("affine", "relu", "conv"), parts, strict=True):
            layers[f"{name}{i}"], wiring[f"{name}{i}"] = layer, (before,)
            before = f"{name}{i}"
        features.append(before)
        channels += 12
    layers["all"], wiring["all"] = nn.Concatenate(), tuple(features)
    layers["last"] = nn.Affine(*rng.standard_normal((2, channels), np.float32))
    layers["leaky"], layers["mean"] = nn.LeakyReLU(0.1), nn.AvgPool2d(2)
    wiring |= {"last": ("all",), "leaky": ("last",), "mean": ("leaky",)}
    return nn.Graph(layers, wiring)


def tokens(rng: Rng) -> nn.Graph:
    """Channels moved last, layer normalisation and linear layers, and a residual around them."""
    layers = {
        "patches": nn.Conv2d(3, 24, 4, stride=4, rng=rng),  # 20 tokens an image
        "last": nn.Transpose((0, 2, 3, 1)),
        "norm": nn.LayerNorm(24),
        "wide": nn.Linear(24, 48, bias=False, rng=rng),
        "shift": nn.Shift(rng.standard_normal(48, np.float32)),
        "gelu": nn.GELU(),
        "narrow": nn.Linear(48, 24, rng=rng),
        "back": nn.Transpose((0, 3, 1, 2)),
        "sum": nn.Add(),
        "planes": nn.Shift(rng.standard_normal((24, 1, 1), np.float32)),
        "places": nn.Shift(rng.standard_normal((4, 5), np.float32)),
        "sigmoid": nn.Sigmoid(),
        "means": nn.AvgPool2d((4, 5)),
    }
    return nn.Graph(layers, nn.Sequential(layers).wiring() | {"sum": ("patches", "back")})


def narrow(rng: Rng) -> nn.Graph:
    """Fewer channels than a vector, broadcasting sums, results that two layers read."""
    layers = {
        "conv": nn.Conv2d(3, 3, 3, padding=1, rng=rng),
        "left": nn.ReLU(),
        "right": nn.SiLU(),
        "both": nn.Add(),
        "tanh": nn.Tanh(),
        "mean": nn.GlobalAvgPool2d(),
        "sum": nn.Add(),
        "relu": nn.ReLU(),
        "twice": nn.Add(),
        "max": nn.MaxPool2d(2),
    }
    wiring = nn.Sequential(layers).wiring() | {
        "right": ("conv",), "both": ("left", "right"), "sum": ("tanh", "mean"),
        "twice": ("relu", "relu"),
    }  # fmt: skip
    return nn.Graph(layers, wiring)


def in_sequence(rng: Rng) -> nn.Sequential:
    """As people write them for PyTorch: ReLU in place, dropout, batch normalisation."""
    normalised = nn.BatchNorm2d.of(
        *rng.uniform(0.5, 1.5, (4, 16)).astype(np.float32), np.array(3), num_features=16
    )
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, rng=rng), normalised, nn.ReLU(inplace=True),
        nn.MaxPool2d(2), nn.Conv2d(16, 24, 3, rng=rng), nn.ReLU(inplace=True), nn.Dropout(0.5),
        nn.Sequential(nn.Conv2d(24, 8, 1, rng=rng), nn.SELU(inplace=True)), nn.Flatten(),
    ).eval()  # fmt: skip


NETWORKS: dict[str, Callable[[Rng], nn.Graph]] = {
    f.__name__: f for f in (residual, squeezed, dense, tokens, narrow, in_sequence)
}
