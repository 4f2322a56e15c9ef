"""Layers that `zfnet features` shows by default: a few that represent the whole network.

A network of today has tens of layers with maps, and neighbours show nearly the same. Shown are, of
the convolutions and joins of branches on every path from the image to the scores, the first, the
last of each resolution, and then those in the middle of the longest gaps: COUNT in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from zfnet.inspectable import JOINS, InspectableGraph

COUNT = 6
"""Layers that are shown at most."""


def story(model: InspectableGraph) -> list[str]:
    """Up to COUNT of `model.shown_layers`, from the first to the last."""
    names = model.shown_layers
    if len(names) <= COUNT:
        return names
    planes = [model.unit_planes(name)[1:] for name in names]
    ends = [i for i in range(len(names)) if planes[i : i + 1] != planes[i + 1 : i + 2]]
    chosen = _thinned(sorted({0, *ends}))
    kinds = dict(model.children())
    joins = {i for i, name in enumerate(names) if type(kinds[name]).__name__ in JOINS}
    while len(chosen) < COUNT:
        chosen = sorted([*chosen, _middle(chosen, joins)])
    return [names[i] for i in chosen]


def described(model: InspectableGraph, layers: Sequence[str]) -> str:
    """A sentence about the choice; empty where every layer is shown."""
    count = len(model.shown_layers)
    if len(layers) == count:
        return ""
    return (
        f"Shown are {len(layers)} of the network's {count} convolutions and joins of branches: the "
        "first, the last of each resolution, and layers in between at even distances. Others with "
        "`--layers` and the names that `zfnet show` prints."
    )


def _thinned(ends: list[int]) -> list[int]:
    """At most COUNT of them at even distances, the first and the last among them."""
    if len(ends) <= COUNT:
        return ends
    return [ends[round(k * (len(ends) - 1) / (COUNT - 1))] for k in range(COUNT)]


def _middle(chosen: Sequence[int], joins: set[int]) -> int:
    """The place in the middle of the longest gap, of a join if there is one in the gap."""
    gaps = [(low, high) for low, high in pairwise(chosen) if high - low > 1]
    # The deeper one of equal gaps: deep layers differ more from each other.
    low, high = max(gaps, key=lambda gap: (gap[1] - gap[0], gap[1]))
    inside = range(low + 1, high)
    among = [i for i in inside if i in joins] or list(inside)
    return min(among, key=lambda i: (abs(2 * i - low - high), i))


def named(model: InspectableGraph, texts: Sequence[str] | None) -> list[str]:
    """["conv1, conv3", "conv5"] -> ["conv1", "conv3", "conv5"]; a name may have commas itself.

    ValueError for a layer that the network does not have, before anything is computed.
    """
    known = model.layer_names()
    parts = [
        part.strip()
        for text in texts or ()
        for part in ([text] if text in known else text.split(","))
    ]
    found = list(dict.fromkeys(part for part in parts if part))
    unknown = [name for name in found if name not in known]
    if unknown:
        raise ValueError(
            f"no layer {', '.join(map(repr, unknown))}; the layers are {', '.join(known)}"
        )
    return found
