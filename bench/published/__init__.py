"""Published networks with drawn weights, as torchvision has them: graphs of `minidl.nn` by name.

A user's own network comes as an ONNX file instead. The layers' names are ours; kinds, sizes and
order are torchvision's, and `tests/bench/test_bench_networks.py` compares the numbers of weights.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.published.builder import Builder
from bench.published.dense import densenet121
from bench.published.inception import googlenet_bn, inception_v3
from bench.published.mobile import efficientnet_b0, mobilenet_v2, mobilenet_v3_large
from bench.published.modernised import convnext_tiny
from bench.published.residual import resnet18, resnet50
from bench.published.sequences import alexnet_2014, squeezenet1_1, vgg16
from minidl import nn

__all__ = ["PUBLISHED", "SIDES", "published"]

PUBLISHED: dict[str, Callable[[Builder], None]] = {
    "resnet50": resnet50,
    "resnet18": resnet18,
    "mobilenet_v2": mobilenet_v2,
    "googlenet_bn": googlenet_bn,
    "squeezenet1_1": squeezenet1_1,
    "densenet121": densenet121,
    "inception_v3": inception_v3,
    "vgg16": vgg16,
    "alexnet_2014": alexnet_2014,
    "efficientnet_b0": efficientnet_b0,
    "mobilenet_v3_large": mobilenet_v3_large,
    "convnext_tiny": convnext_tiny,
}
SIDES = {"inception_v3": 299}
"""Pixels on a side of the images that a network was published for, where they are not 224."""
EPSILONS = {
    "googlenet_bn": 1e-3,
    "inception_v3": 1e-3,
    "mobilenet_v3_large": 1e-3,
}
"""The constant of batch normalisation where it is not PyTorch's own."""


def published(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> nn.Graph:
    """The network of that name for images of this shape (C,H,W), with drawn weights."""
    built = Builder(shape, rng, EPSILONS.get(name, 1e-5))
    PUBLISHED[name](built)
    return built.graph()
