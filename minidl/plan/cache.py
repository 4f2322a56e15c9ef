"""Plans of networks by the shape of the input: made at its second call, dropped when it changes."""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from kernels.contract import memory, registry, threads
from kernels.contract.kernel import is_observed
from minidl import nn
from minidl.nn.graph import INPUT, Graph, plan_with
from minidl.nn.module import Module
from minidl.plan.arena import Shape
from minidl.plan.fusion import Part
from minidl.recording import recording
from minidl.tensor import Tensor

if TYPE_CHECKING:
    from minidl.plan.network import Network

MOST = 4
"""Plans of a network that are kept: those of the shapes that were asked for last."""
Key = tuple[object, ...]
Plans = OrderedDict[Key, "Network | None"]
"""None: the shape came once, or no plan serves it."""

_kept: WeakKeyDictionary[Module, Plans] = WeakKeyDictionary()


def planned(network: Graph, x: Tensor) -> Tensor | None:
    """The network's output by a plan; None where there is none, and it runs layer by layer."""
    array = x._array
    if type(array) is not np.ndarray or array.dtype not in memory.FLOATS or not array.size:
        return None
    if memory.is_poisoned() or is_observed() or registry.is_exact():
        return None
    with threads.region():
        plan = _plan_of(network, x)
        return None if plan is None else plan.run(array)


def forget() -> None:
    """Drop every plan, and its memory."""
    _kept.clear()


def _plan_of(network: Graph, x: Tensor) -> Network | None:
    plans: Plans = _kept.setdefault(network, OrderedDict())
    key = x.shape, x.dtype, threads.get_num_threads(), memory.chunk(), registry.generation()
    if key not in plans:
        plans[key] = None
        while len(plans) > MOST:
            plans.popitem(last=False)
        return None
    plans.move_to_end(key)
    plan = plans[key]
    if plan is None or not plan.watched.unchanged():
        plan = plans[key] = _made(network, x)
    return plan


def _made(network: Graph, x: Tensor) -> Network | None:
    """A plan from one run, layer by layer, which shows the shapes; None where none serves."""
    parts = _parts(network)
    readers = Counter(source for _, _, sources in parts for source in sources)
    if not parts or not all(_serves(layer, sources, readers) for _, layer, sources in parts):
        return None
    from minidl.plan.network import bound  # at the first plan: it imports kernels that it binds

    shapes = _shapes(parts, x)
    return None if shapes is None else bound(network, parts, shapes)


def _shapes(parts: list[Part], x: Tensor) -> dict[str, Shape] | None:
    """Of the input and of each result; None if one of them is not a plain array with elements."""
    shapes = {INPUT: Shape(x.shape, x.dtype, "NHWC" if x.ndim == 4 else "C")}
    results, last = {INPUT: x}, {source: name for name, _, sources in parts for source in sources}
    with recording(False):
        for name, layer, sources in parts:
            y = layer(*(results[source] for source in sources))
            if not isinstance(y, Tensor) or type(y._array) is not np.ndarray or not y._array.size:
                return None
            results[name], shapes[name] = y, Shape.of(y._array)
            for source in set(sources):
                if last[source] == name:
                    del results[source]
    return shapes


def _parts(network: Graph) -> list[Part]:
    """The layers that the output needs, each after its inputs."""
    if network.output == INPUT:
        return []
    needed, wiring = network.below(network.output), network.wiring()
    return [(n, layer, wiring[n]) for n, layer in network.named_children() if n in needed]


def _serves(layer: Module, sources: tuple[str, ...], readers: Counter[str]) -> bool:
    """Whether a plan computes what the layer does: it has no hooks, draws nothing, learns nothing,
    and overwrites nothing that another layer reads, or the caller."""
    alone = INPUT not in sources and all(readers[source] == 1 for source in sources)
    inner = [module for _, module in layer.named_modules()]
    if any(module._hooks or (module.training and _trains(module)) for module in inner):
        return False
    return alone or not any(getattr(module, "inplace", False) for module in inner)


def _trains(layer: Module) -> bool:
    """Whether it does something else in training."""
    return isinstance(layer, nn.Dropout | nn.BatchNorm2d)


plan_with(planned)
