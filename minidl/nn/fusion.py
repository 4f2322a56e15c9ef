"""Which layers of a graph one pass does together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from minidl import functional as F
from minidl.nn.layers import Conv2d, MaxPool2d, ReLU
from minidl.nn.module import Module
from minidl.tensor import Tensor

Part = tuple[str, Module, tuple[str, ...]]
"""A layer's name, the layer, and what feeds it."""
Fused = tuple[tuple[str, ...], Callable[..., Tensor], tuple[str, ...]]
"""The names of layers in a row, the call that does them, and what feeds the first."""


def fused(parts: Sequence[Part]) -> list[Fused]:
    """The layers as calls: a convolution takes the ReLU that it alone feeds along, and the
    max-pooling behind it."""
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
    conv, pool = layers[0], layers[-1]
    assert isinstance(conv, Conv2d)
    pooling = pool.settings if isinstance(pool, MaxPool2d) else None
    return F.conv_relu_pool(x, conv.weight, conv.bias, conv.settings, pooling)
