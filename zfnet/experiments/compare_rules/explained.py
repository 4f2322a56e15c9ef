"""Maps of one image by a method of attribution, or by a baseline that does not use the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
USUAL = (
    "gradient", "gradient-x-input", "smoothgrad", "integrated-gradients", "gradcam",
    "guided-gradcam", "deconvnet", "guided", "lrp-epsilon", "lrp-epsilon-plus-flat",
)  # fmt: skip
"""One method of each kind, where none is named."""
ALL = "all"
SAMPLES = ("smooth", "steps")
"""Settings of methods that say how many images are computed for one map."""


@dataclass(frozen=True, eq=False)
class Explained:
    """One image's attribution: map (H,W), one number a pixel, and signed (H,W), the sum over the
    channels. They are the same for methods whose values are shares with a sign."""

    map: np.ndarray
    signed: np.ndarray


def explain(
    network: Network,
    x: np.ndarray,
    label: int,
    name: str,
    rng: np.random.Generator,
    samples: int | None = None,
) -> Explained:
    """The map of an image (3,S,S) for the score of one class, by a method or a baseline.

    samples: the number of images that SmoothGrad, integrated gradients and the like compute for one
    map; None: their own default.
    """
    if name in BASELINES:
        made = BASELINES[name](x, rng)
        return Explained(made, made)
    settings: dict[str, Any] = {
        s: samples for s in SAMPLES if samples and s in METHODS[name].settings
    }
    found = attribute(network, x[None], label, name, **settings)
    return Explained(found.map[0], found.values[0].sum(axis=0))  # (C,H,W) -> (H,W)


def known(names: tuple[str, ...]) -> tuple[str, ...]:
    """The methods that are asked for, each once: `USUAL` without names, every one for "all".

    ValueError for a name that is neither a method's nor a baseline's, with those there are.
    """
    if names == (ALL,):
        return tuple(METHODS)
    for name in names:
        if name not in METHODS and name not in BASELINES:
            raise ValueError(f"no rules {name!r}; there are {', '.join(METHODS)}, and {ALL}")
    return tuple(dict.fromkeys(name for name in names or USUAL if name not in BASELINES)) or USUAL
