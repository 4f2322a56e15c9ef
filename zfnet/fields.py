"""Receptive fields through a graph: boxes of positions, from a layer down to the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kernels.contract.geometry import Box
from minidl import nn
from zfnet.reach import NOWHERE, Nowhere, Reach, Same, hull, is_empty

GATES = ("Hardsigmoid", "Sigmoid", "Softmax")
"""Kinds of layers whose outputs are gates where they multiply a signal."""
MOVING = ("Dropout", "Expand", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Transpose")
"""Kinds of layers that leave a gate a gate."""
OVER_PLANES = ("GroupNorm", "InstanceNorm2d")
"""Normalisations by the statistics of planes."""
Wiring = Mapping[str, Sequence[str]]
Reaches = Mapping[str, tuple[Reach, ...]]


def pixels(order: Sequence[str], wiring: Wiring, reaches: Reaches, box: Box) -> Box:
    """The pixels of the image on which the places in `box` of the last layer's plane depend.

    order: the layers from which the last one is computed, each after its inputs.
    """
    boxes = {order[-1]: box}
    for name in reversed(order):
        if name not in boxes or is_empty(boxes[name]):
            continue
        for source, reach in zip(wiring[name], reaches[name], strict=True):
            boxes[source] = hull(boxes.get(source), reach.below(boxes[name]))
    return boxes.get(nn.INPUT, NOWHERE)


def signals_alone(layers: Mapping[str, nn.Module], wiring: Wiring, reaches: Reaches) -> Reaches:
    """The reaches where gates and the statistics of planes are constants, as for the rules of the
    deconvnet and guided backpropagation (`minidl/rules.py`)."""
    kinds = {name: type(layer).__name__ for name, layer in layers.items()}
    return {
        name: (Same(),) if kinds[name] in OVER_PLANES else _signals(name, kinds, wiring, own)
        for name, own in reaches.items()
    }


def _signals(
    name: str, kinds: Mapping[str, str], wiring: Wiring, own: tuple[Reach, ...]
) -> tuple[Reach, ...]:
    """Of a product of signals and one gate, those of the signals."""
    gates = [_is_gate(source, kinds, wiring) for source in wiring[name]]
    if kinds[name] != "Multiply" or sum(gates) != 1:
        return own
    return tuple(Nowhere() if gate else each for each, gate in zip(own, gates, strict=True))


def _is_gate(name: str, kinds: Mapping[str, str], wiring: Wiring) -> bool:
    """Whether the layer gives values from 0 to 1, perhaps moved."""
    while kinds.get(name) in MOVING:
        name = wiring[name][0]
    return kinds.get(name) in GATES
