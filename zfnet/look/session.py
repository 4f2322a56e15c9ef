"""Session of the live page: networks, images, and the forward passes that are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kernels.contract.geometry import Box
from minidl import Tensor
from minidl import functional as F
from zfnet.inspectable import InspectableGraph
from zfnet.look.engine import Engine
from zfnet.look.gallery import Gallery, Picture
from zfnet.look.requests import Asked
from zfnet.network import Network

KEPT = 3
"""Forward passes that are kept: of two networks on one image, and one more."""
FIELDS = 1024
"""Receptive fields that are kept with a pass: several rules ask for one."""

Change = Callable[[Network, np.ndarray, str], tuple[Network, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Opened:
    """A network and the name by which it was opened."""

    network: Network
    name: str

    @property
    def model(self) -> InspectableGraph:
        return self.network.model


@dataclass(eq=False)
class Forward:
    """One image's forward pass on the tape, which is kept for backward passes.

    x:       (1,3,S,S), preprocessed.
    outputs: every layer's output by its name.
    """

    network: Network
    x: Tensor
    outputs: dict[str, Tensor]
    notes: dict[str, object] = field(default_factory=dict)
    """What views keep with it; it is dropped with the pass."""

    @property
    def model(self) -> InspectableGraph:
        return self.network.model

    @property
    def image(self) -> np.ndarray:
        """The preprocessed image (3,S,S)."""
        found: np.ndarray = self.x.numpy()[0]
        return found

    def layer(self, name: str) -> str:
        """The name, "scores" replaced by the layer of the scores; ValueError for an unknown one."""
        name = self.model.scores if name == "scores" else name
        self.model.layout(name)  # (the error lists the layers)
        if name not in self.outputs:
            raise ValueError(f"layer {name!r} does not lead to the network's output")
        return name

    def planes(self, layer: str) -> np.ndarray:
        """The layer's units (K,P,Q)."""
        found: np.ndarray = self.model.layout(layer).planar(self.outputs[layer].numpy())[0]
        return found

    @cached_property
    def probabilities(self) -> np.ndarray | None:
        """(C,) of the classes; None for a network without scores."""
        if not self.model.has_scores:
            return None
        scores = self.planes(self.model.scores).reshape(1, -1)  # (C,1,1) -> (1,C)
        found: np.ndarray = F.softmax(Tensor(scores)).numpy()[0]
        return found

    def field(self, layer: str, p: int, q: int, *, held: bool = False) -> Box:
        """The receptive field of a place, clipped to the image; `held` as of
        `InspectableGraph.receptive_field`."""
        S, key = self.model.image_size, (layer, p, q, held)
        if key not in self._fields:
            if len(self._fields) >= FIELDS:
                self._fields.clear()
            self._fields[key] = self.model.receptive_field(layer, p, q, held=held).clip(S, S)
        return self._fields[key]

    @cached_property
    def _fields(self) -> dict[tuple[str, int, int, bool], Box]:
        return {}


class Session:
    """What the page looks at.

    networks: one or two, in evaluation mode.
    gallery:  the images.
    keep:     a folder for results that outlast the server; None: nothing is kept.
    variants: named changes of forward passes (`zfnet/look/__init__.py`).
    """

    def __init__(
        self, networks: Sequence[Opened], gallery: Gallery, keep: Path | None = None
    ) -> None:
        self.networks, self.gallery, self.keep = tuple(networks), gallery, keep
        self.engine = Engine()
        self.variants: dict[str, Change] = {}
        self.described: list[dict[str, Any]] = []
        self.shared: dict[str, Any] = {}
        """What views keep as long as the server runs, by their names."""
        self._passes: OrderedDict[tuple[int, str, str], Forward] = OrderedDict()
        for opened in self.networks:
            opened.model.eval()

    def opened(self, asked: Asked) -> Opened:
        """The network of the request, the first by default."""
        number = asked.whole("network", 0)
        if number >= len(self.networks):
            raise ValueError(f"network {number} of {len(self.networks)} does not exist")
        return self.networks[number]

    def picture(self, asked: Asked) -> Picture:
        """The image of the request, the first by default."""
        return self.gallery.picture(asked.text("image", "") or self.gallery.first())

    def forward(self, asked: Asked) -> Forward:
        """The forward pass of the request's network, image and variant; the last ones are kept."""
        picture = self.picture(asked)
        key = asked.whole("network", 0), picture.id, asked.text("variant", "")
        if key not in self._passes:
            opened = self.opened(asked)
            while len(self._passes) >= KEPT:  # before memory for another one is taken
                self._passes.popitem(last=False)
            self._passes[key] = self._run(opened.network, picture, key[2])
        self._passes.move_to_end(key)
        return self._passes[key]

    def _run(self, network: Network, picture: Picture, variant: str) -> Forward:
        if not variant:
            return run(network, prepared(network, picture.pixels)[None])  # (3,S,S) -> (1,3,S,S)
        name, _, argument = variant.partition(":")
        if name not in self.variants:
            raise ValueError(f"no variant {name!r}; there are {', '.join(self.variants)}")
        return run(*self.variants[name](network, picture.pixels, argument))


def run(network: Network, x: np.ndarray) -> Forward:
    """The forward pass of preprocessed images (1,3,S,S)."""
    given = Tensor(x, requires_grad=True)
    return Forward(network, given, network.model.activations(given))


def prepared(network: Network, pixels: np.ndarray) -> np.ndarray:
    """An image (H,W,3) uint8 as the network's input (3,S,S)."""
    p = network.preprocess
    return np.ascontiguousarray(p.centre(p.prepare(pixels)).transpose(2, 0, 1))  # -> (3,S,S)
