"""Which neighbouring layers of a sequence one pass does together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from minidl import functional as F
from minidl.nn.layers import Conv2d, MaxPool2d, ReLU
from minidl.nn.module import Module
from minidl.tensor import Tensor


def fused_runs(layers: Sequence[Module]) -> list[Callable[[Tensor], Tensor]]:
    """The layers as calls: a convolution takes the ReLU after it along, and the max-pooling."""
    runs: list[Callable[[Tensor], Tensor]] = []
    rest = list(layers)
    while rest:
        kinds = [type(layer) for layer in rest[:3]]
        count = 3 if kinds == [Conv2d, ReLU, MaxPool2d] else 2 if kinds[:2] == [Conv2d, ReLU] else 1
        runs.append(partial(_together, rest[:count]) if count > 1 else rest[0])
        rest = rest[count:]
    return runs


def _together(layers: Sequence[Module], x: Tensor) -> Tensor:
    conv, pool = layers[0], layers[-1]
    assert isinstance(conv, Conv2d)
    pooling = pool.settings if isinstance(pool, MaxPool2d) else None
    return F.conv_relu_pool(x, conv.weight, conv.bias, conv.settings, pooling)
