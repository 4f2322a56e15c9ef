"""Random weights for the randomisation check (Adebayo et al. 2018, section 3): layers from the top
down, and their replacement for a while.

Every parameter of a layer is replaced by numbers from a normal distribution with the parameter's
own mean and standard deviation, so that activations keep their order of magnitude and do not fade
or overflow from layer to layer. Running means and variances of batch normalisation stay.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from minidl import device, nn
from minidl.tensor import Tensor
from zfnet.inspectable import InspectableGraph

MOST = 16


@dataclass(frozen=True)
class Level:
    """Layers that are randomised together, by name; `name` is the last one's, or their block's."""

    name: str
    layers: tuple[str, ...]


def levels(model: InspectableGraph, most: int = MOST) -> list[Level]:
    """The layers with weights, from the scores down to the image, in at most `most` groups.

    A group ends where all paths from the image to the scores meet: a layer of a chain, or the
    branches of a block together. Layers that only scale and shift belong to the layer before them.
    Of more groups than `most`, neighbours are joined. ValueError for a network without weights or
    for fewer than one group.
    """
    if most < 1:
        raise ValueError(f"at most {most} levels: at least one is needed")
    groups = _blocks(model)
    if not groups:
        raise ValueError("the network has no layer with weights that could be random")
    count = min(most, len(groups))
    ends = [(i + 1) * len(groups) // count for i in range(count)]
    found = []
    for first, end in zip([0, *ends], ends, strict=False):
        layers = tuple(name for group in groups[first:end] for name in group.layers)
        ends_of_group = groups[first].name, groups[end - 1].name
        found.append(Level(" to ".join(dict.fromkeys(ends_of_group)), layers))
    return found[::-1]


def _blocks(model: InspectableGraph) -> list[Level]:
    """Groups of layers with weights between two layers of the trunk, from the image up."""
    below, meeting = model.below(model.scores), set(model.trunk())
    layers = dict(model.named_children())
    groups: list[Level] = []
    block: list[str] = []
    for name, layer in layers.items():
        if name not in below:
            continue
        if list(layer.parameters()):
            block.append(name)
        if name not in meeting or not block:
            continue
        filters = any(p.ndim > 1 for n in block for p in layers[n].parameters())
        if filters or not groups:
            groups.append(Level(name, tuple(block)))
        else:
            groups[-1] = Level(groups[-1].name, (*groups[-1].layers, *block))
        block = []
    return groups


@contextmanager
def random_weights(
    model: nn.Module, layers: Sequence[str], seed: Sequence[int] = (0,)
) -> Iterator[None]:
    """Within it the layers' weights are random; afterwards they are what they were, bit for bit.

    A layer's weights depend on `seed` and its name alone, not on the other layers. Contexts may be
    nested: the cascade enters one after the other. ValueError for a layer that does not exist.
    """
    there = dict(model.named_children())
    missing = [layer for layer in layers if layer not in there]
    if missing:
        raise ValueError(f"no layer {missing[0]!r}; the layers are {', '.join(there)}")
    kept: dict[int, tuple[Tensor, np.ndarray]] = {}
    try:
        for layer in layers:
            rng = np.random.default_rng([*seed, zlib.crc32(layer.encode())])
            for parameter in there[layer].parameters():
                if id(parameter) not in kept:  # (one parameter may serve several layers)
                    before = device.host(parameter.data).copy()
                    kept[id(parameter)] = parameter, before
                    parameter.assign(_drawn(before, rng))
        yield
    finally:
        for changed, before in kept.values():
            changed.assign(before)


def _drawn(like: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Normal numbers with the mean and standard deviation of an array, in its shape and dtype."""
    drawn = rng.standard_normal(like.shape, np.float32)
    mean, deviation = like.mean(dtype=float), like.std(dtype=float)
    return (mean + deviation * drawn).astype(like.dtype)
