"""Layers of a network while it is built: by name, each with its inputs, weights drawn in order."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import init, nn

HEAD = 1e-2
"""Standard deviation of the weights that give the scores."""


class Plan:
    """Layers that are added one after the other; `last` is the name of the newest.

    Convolutions and normalisations have PyTorch's names and defaults; a convolution before a
    normalisation has no bias. Weights are He's (He et al. 2015), those of the scores 1e-2.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.layers: dict[str, nn.Module] = {}
        self.wiring: dict[str, tuple[str, ...]] = {}
        self.last = nn.INPUT
        self.maps = 3
        self._rng = rng

    def add(self, name: str, layer: nn.Module, *inputs: str) -> str:
        """A layer that reads `inputs`, or the newest one; returns its name."""
        self.layers[name], self.wiring[name] = layer, inputs or (self.last,)
        self.last = name
        return name

    def conv(self, name: str, maps: int, size: int, *, source: str = "", **settings: Any) -> None:
        """A convolution without bias that keeps the planes' size but for its stride."""
        channels = self.maps_of(source) if source else self.maps
        made = nn.Conv2d(
            channels, maps, size, padding=size // 2, bias=False, rng=self._rng, **settings
        )
        self.add(name, made, *([source] if source else []))
        self.maps = maps

    def norm(self, name: str, *, scale: float = 1.0) -> str:
        """A batch normalisation whose weights begin with `scale`."""
        made = nn.BatchNorm2d(self.maps)
        assert made.weight is not None
        if scale != 1:
            made.weight.assign(np.full(self.maps, scale, np.float32))
        return self.add(name, made)

    def scores(self, name: str, classes: int) -> None:
        """The last layer: a score for each class."""
        made = nn.Linear(self.maps, classes, rng=self._rng)
        made.weight.assign(init.normal((classes, self.maps), HEAD, self._rng))
        self.add(name, made)

    def maps_of(self, name: str) -> int:
        """The maps of the output of a layer that was added, or of the image."""
        while name != nn.INPUT:
            layer = self.layers[name]
            if isinstance(layer, nn.Conv2d):
                return layer.weight.shape[0]
            name = self.wiring[name][0]
        return 3
