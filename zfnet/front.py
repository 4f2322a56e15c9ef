"""Front of an imported network: layers that make its input of images (N,3,S,S).

Every command gives colour images of one side S, red, green and blue, with the mean subtracted. A
network may take the colours in another order or scale, grey images, images that are not square, or
the channels last. Layers before its own do that, so that projections and receptive fields are in
the pixels of the image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from minidl import nn

PIXELS = "pixels"
"""The layer that brings channels into the network's order and scale."""
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a grey image (ITU-R BT.601)."""


@dataclass(frozen=True)
class Input:
    """The images that a network takes: channels, rows, columns, and whether channels are last."""

    channels: int
    height: int
    width: int
    channels_last: bool = False

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ValueError(
                f"this network takes images of {self.channels} channels; grey ones (1) and colour "
                "ones (3) can be given"
            )

    @property
    def side(self) -> int:
        """S of the square images that the front takes."""
        return max(self.height, self.width)


def front(taken: Input, pixels: nn.Pixels | None) -> dict[str, nn.Module]:
    """The layers before the network's own, by name, in order; none where it takes what is given."""
    layers: dict[str, nn.Module] = {} if pixels is None else {PIXELS: pixels}
    if taken.channels == 1:
        layers["luma"] = nn.Scale(np.array(LUMA, np.float32).reshape(3, 1, 1))  # (3,) -> (3,1,1)
        layers["grey"] = nn.Sum(1, keepdim=True)
    if taken.height != taken.width:
        sizes = [taken.height, taken.width]
        layers["squeezed"] = nn.Resize(sizes=sizes, mode="linear", antialias=True)
    if taken.channels_last:
        layers["channels last"] = nn.Transpose((0, 2, 3, 1))
    return layers


def with_front(graph: nn.Graph, layers: Mapping[str, nn.Module]) -> nn.Graph:
    """The graph with these layers, one after the other, before its own."""
    if not layers:
        return graph
    own, before = dict(graph.children()), nn.INPUT
    added, wiring = dict[str, nn.Module](), dict[str, list[str]]()
    for name, layer in layers.items():
        while name in own:
            name += "_"
        added[name], wiring[name] = layer, [before]
        before = name
    behind = {
        name: [before if source == nn.INPUT else source for source in sources]
        for name, sources in graph.wiring().items()
    }
    return nn.Graph({**added, **own}, {**wiring, **behind}, graph.output)
