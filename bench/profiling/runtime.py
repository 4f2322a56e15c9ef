"""ONNX Runtime's own profile of a network, by the layers of ours.

It writes one event for each node and run, named after the node, or after the result of the last
node that it fused into one; blocked memory adds "_nchwc". A node that is no layer of ours belongs
to the layer that it became part of: a batch normalisation to the convolution before it, a part of a
pattern such as x * sigmoid(x) to the layer after it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.engines import session

KERNEL, BLOCKED = "_kernel_time", "_nchwc"
OTHERS = ""
"""The key of what belongs to no layer: changes of memory order."""


def runtime_profile(
    file: Path, x: np.ndarray, threads: int, repeats: int, layers: Sequence[str], folded: set[str]
) -> dict[str, float]:
    """Median seconds by the layer's name.

    layers: of ours, in order; folded: those that were folded into the layer before them.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = session(
            str(file), threads, enable_profiling=True, profile_file_prefix=f"{folder}/profile"
        )
        feeds = {made.get_inputs()[0].name: np.ascontiguousarray(x)}
        for _ in range(repeats + 1):
            made.run(None, feeds)
        events: list[dict[str, Any]] = json.loads(Path(made.end_profiling()).read_text())
    layer_of = _layers_of(file, set(layers), folded)
    return _summed(events, layer_of)


def _summed(events: Sequence[Mapping[str, Any]], layer_of: Mapping[str, str]) -> dict[str, float]:
    """Each node's median over the runs but the first, added up by layers."""
    times: dict[tuple[str, str], list[float]] = {}
    for event in events:
        name = str(event.get("name", ""))
        if event.get("cat") == "Node" and name.endswith(KERNEL):
            key = name, str(event["args"].get("node_index", ""))
            times.setdefault(key, []).append(float(event["dur"]) / 1e6)
    found: dict[str, float] = {}
    for (name, _), seconds in times.items():
        node = name.removesuffix(KERNEL).removesuffix(BLOCKED)
        layer = layer_of.get(node, OTHERS)
        found[layer] = found.get(layer, 0.0) + float(np.median(seconds[1:] or seconds))
    return found


def _layers_of(file: Path, layers: set[str], folded: set[str]) -> dict[str, str]:
    """The layer by the name of each node, and of each node's result."""
    import onnx

    nodes = list(onnx.load(str(file), load_external_data=False).graph.node)
    maker = {result: number for number, node in enumerate(nodes) for result in node.output}
    numbered = reversed(list(enumerate(nodes)))  # the first reader of several counts
    reader = {given: number for number, node in numbered for given in node.input}
    found: dict[str, str] = {}
    for number, node in enumerate(nodes):
        layer = _nearest(nodes, number, layers, folded, maker, reader)
        found |= {name: layer for name in (node.name, *node.output) if name}
    return found


def _nearest(
    nodes: Sequence[Any],
    number: int,
    layers: set[str],
    folded: set[str],
    maker: Mapping[str, int],
    reader: Mapping[str, int],
) -> str:
    """The layer of a node: its own, that before a folded one, or the first one after it."""
    for _ in nodes:
        node = nodes[number]
        names = (node.name, *node.output)
        own = next((name for name in names if name in layers), None)
        if own is not None:
            return own
        back = any(name in folded for name in names)
        table, wires = (maker, node.input) if back else (reader, node.output)
        following = next((table[wire] for wire in wires if wire in table), None)
        if following is None:
            return OTHERS
        number = following
    return OTHERS
