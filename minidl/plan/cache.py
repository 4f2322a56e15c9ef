"""Plans of networks by the shape of the input: made at its second call, dropped when it changes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np

from kernels.contract import memory, registry, threads
from kernels.contract.kernel import is_observed
from minidl import nn
from minidl.nn.graph import INPUT, Graph, plan_with
from minidl.nn.module import Module
from minidl.plan.arena import Shape
from minidl.plan.fusion import Part
from minidl.plan.network import Network, bound
from minidl.tensor import Tensor

MOST = 4
"""Plans of a network that are kept: the shapes that were asked for last."""
Key = tuple[object, ...]


@dataclass(eq=False)
class _Kept:
    """Of one network: plans by shape, and shapes that came once. None: no plan serves it."""

    plans: OrderedDict[Key, Network | None] = field(default_factory=OrderedDict)


_kept: WeakKeyDictionary[Module, _Kept] = WeakKeyDictionary()
_SEEN = object()


def planned(network: Graph, x: Tensor) -> Tensor | None:
    """The network's output by a plan; None where there is none, and it runs layer by layer."""
    array = x._array
    if type(array) is not np.ndarray or array.dtype not in memory.FLOATS or not array.size:
        return None
    if memory.is_poisoned() or is_observed() or registry.is_exact():
        return None
    kept = _kept.get(network)
    if kept is None:
        kept = _kept[network] = _Kept()
    key = array.shape, array.dtype, threads.get_num_threads(), registry.generation()
    if key not in kept.plans:
        kept.plans[key] = None
        while len(kept.plans) > MOST:
            kept.plans.popitem(last=False)
        return None
    plan = kept.plans[key]
    if plan is None or not plan.watched.unchanged():
        plan = kept.plans[key] = _made(network, x)
    return None if plan is None else plan.run(array)


def forget() -> None:
    """Drop every plan and its memory."""
    _kept.clear()


def _made(network: Graph, x: Tensor) -> Network | None:
    """A plan from one run, layer by layer, which shows the shapes; None where none serves."""
    parts = _parts(network)
    if not all(_serves(layer, sources) for _, layer, sources in parts):
        return None
    results, shapes = {INPUT: x}, {INPUT: Shape(x.shape, x.dtype, "NHWC" if x.ndim == 4 else "C")}
    left = {source: name for name, _, sources in parts for source in sources}
    for name, layer, sources in parts:
        y = layer(*(results[source] for source in sources))
        if not isinstance(y, Tensor) or type(y._array) is not np.ndarray or not y._array.size:
            return None
        results[name], shapes[name] = y, Shape.of(y._array)
        for source in set(sources):
            if left[source] == name:
                del results[source]
    return bound(parts, network.output, shapes)


def _parts(network: Graph) -> list[Part]:
    needed = network.below(network.output)
    wiring = network.wiring()
    return [(n, layer, wiring[n]) for n, layer in network.named_children() if n in needed]


def _serves(layer: Module, sources: tuple[str, ...]) -> bool:
    """Whether a plan computes what the layer does: no hooks, nothing in place, not in training."""
    return not any(
        inner._hooks or getattr(inner, "inplace", False) or (inner.training and _trains(inner))
        for _, inner in layer.named_modules()
    )


def _trains(layer: Module) -> bool:
    """Whether it does something else in training."""
    return isinstance(layer, nn.Dropout | nn.BatchNorm2d)


plan_with(planned)
