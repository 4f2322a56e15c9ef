"""Photographs: the user's own, or the two that scikit-learn ships."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_sample_image

from kernels.terminal.printable import printable
from minidl.rules import Rules, deconvnet
from zfnet.data import read_image
from zfnet.deconvnet import Deconvnet, Projection
from zfnet.network import Network

# Both under a Creative Commons Attribution licence, as scikit-learn's datasets/images/README says.
SAMPLES = {
    "china.jpg": "photograph by danielbuechele, CC BY, from scikit-learn",
    "flower.jpg": "photograph by vultilion, CC BY, from scikit-learn",
}


@dataclass(frozen=True, eq=False)
class Photograph:
    """A picture (H,W,3) uint8, its name and its source."""

    name: str
    pixels: np.ndarray
    credit: str = ""


def sample_photographs() -> list[Photograph]:
    """The photographs that scikit-learn ships."""
    return [Photograph(name, load_sample_image(name), credit) for name, credit in SAMPLES.items()]


def read_photographs(paths: Sequence[Path]) -> list[Photograph]:
    """Files of the user's; BadImage (a ValueError) names one that cannot be read."""
    return [Photograph(printable(path.name), read_image(path)) for path in paths]


def as_inputs(network: Network, photographs: Sequence[Photograph]) -> np.ndarray:
    """Their preprocessed centre crops, (N,3,S,S)."""
    p = network.preprocess
    crops = np.stack([p.centre(p.prepare(photograph.pixels)) for photograph in photographs])
    return crops.transpose(0, 3, 1, 2)  # (N,S,S,3) -> (N,3,S,S)


def project_layers(
    network: Network, x: np.ndarray, layers: Sequence[str], table: Rules = deconvnet
) -> list[Projection]:
    """The strongest unit of each layer in one image (3,S,S), projected."""
    projector = Deconvnet(network.model, table)
    return [projector.project(x[None], layer)[0] for layer in layers]
