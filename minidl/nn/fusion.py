"""Fusion of layers of a graph: convolution, ReLU and max-pooling as one call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from minidl import functional as F
from minidl.nn.layers import Conv2d, MaxPool2d, ReLU
from minidl.nn.module import Module
from minidl.tensor import Tensor

Part = tuple[str, Module, tuple[str, ...]]
"""A layer's name, the layer, and the names of its inputs."""
Fused = tuple[tuple[str, ...], Callable[..., Tensor], tuple[str, ...]]
"""The names of successive layers, the call that computes them, and the inputs of the first."""


def fused(parts: Sequence[Part]) -> list[Fused]:
    """The layers as calls. A convolution is fused with a ReLU that is its only reader, and with the
    max-pooling after that."""
    uses = Counter(source for _, _, sources in parts for source in sources)
    after = {sources[0]: part for part in parts if len(sources := part[2]) == 1}
    runs, done = list[Fused](), set[str]()
    for name, layer, sources in parts:
        if name in done:
            continue
        run = [(name, layer)]
        for kind in (ReLU, MaxPool2d) if type(layer) is Conv2d else ():
            last = run[-1][0]
            if uses[last] != 1 or last not in after or type(after[last][1]) is not kind:
                break
            run.append(after[last][:2])
        names = tuple(n for n, _ in run)
        done.update(names)
        call = partial(_together, [each for _, each in run]) if len(run) > 1 else layer
        runs.append((names, call, sources))
    return runs


def _together(layers: Sequence[Module], x: Tensor) -> Tensor:
    if any(layer._hooks for layer in layers):
        for layer in layers:
            x = layer(x)
        return x
    conv, pool = layers[0], layers[-1]
    assert isinstance(conv, Conv2d)
    pooling = pool.settings if isinstance(pool, MaxPool2d) else None
    return F.conv_relu_pool(x, conv.weight, conv.bias, conv.settings, pooling)
