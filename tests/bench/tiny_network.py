"""A network of a few layers for tests of the benchmark, registered beside the published ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.network_layers import Network
from bench.published import PUBLISHED, published
from bench.published.builder import Builder
from minidl import nn
from minidl.formats.onnx import save_onnx

NAME, SHAPE = "tiny", (3, 12, 12)
TINY_NETWORK = Network(NAME, "network", *SHAPE)


def tiny(net: Builder) -> None:
    """A convolution, a depthwise one, both with batch normalisation, a sum, and a linear layer."""
    x = net.conv_norm("one", nn.INPUT, 8, 3, 2)
    y = net.conv_norm("two", x, 8, 3, groups=8, then=nn.Hardswish)
    net.linear("logits", net.flat(net.mean("mean", net.add("sum", x, y))), 5)


PUBLISHED[NAME] = tiny


def tiny_file(folder: Path) -> Path:
    """The network as an ONNX file."""
    file = folder / "tiny.onnx"
    save_onnx(published(NAME, SHAPE, np.random.default_rng(3)).eval(), file, SHAPE)
    return file
