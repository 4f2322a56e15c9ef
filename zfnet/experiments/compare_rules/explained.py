"""Maps of one image by a method of attribution, or by a baseline that knows no network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from zfnet.attribution import METHODS, attribute
from zfnet.attribution_checks import centre, edges, random_map
from zfnet.network import Network

BASELINES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "random": random_map,
    "edges": lambda image, rng: edges(image),
    "centre": lambda image, rng: centre(image),
}
"""Maps that know the image at most: functions of an image (C,H,W) and a generator, by name."""
TITLES = {
    "random": "pixels in random order",
    "edges": "an edge detector (Sobel)",
    "centre": "a Gaussian over the middle",
}


@dataclass(frozen=True, eq=False)
class Explained:
    """One image's attribution: map (H,W), one number a pixel, and signed (H,W), the sum over the
    channels. They are the same for methods whose values are shares with a sign."""

    map: np.ndarray
    signed: np.ndarray


def explain(
    network: Network, x: np.ndarray, label: int, name: str, rng: np.random.Generator
) -> Explained:
    """The map of an image (3,S,S) for the score of one class, by a method or a baseline."""
    if name in BASELINES:
        made = BASELINES[name](x, rng)
        return Explained(made, made)
    found = attribute(network, x[None], label, name)
    return Explained(found.map[0], found.values[0].sum(axis=0))  # (C,H,W) -> (H,W)


def known(names: tuple[str, ...]) -> tuple[str, ...]:
    """The methods that are asked for, each once; all without names.

    ValueError for a name that is neither a method's nor a baseline's, with those there are.
    """
    for name in names:
        if name not in METHODS and name not in BASELINES:
            raise ValueError(f"no rules {name!r}; there are {', '.join(METHODS)}")
    return tuple(dict.fromkeys(name for name in names or METHODS if name not in BASELINES))
