"""The card of one occluded image (paper, Fig 7)."""

from __future__ import annotations

import numpy as np

from zfnet.experiments.occlusion.measure import OcclusionMap
from zfnet.network import Network
from zfnet.report import OcclusionCard
from zfnet.report.numbers import percent


def occlusion_card(
    network: Network,
    x: np.ndarray,
    found: OcclusionMap,
    title: str,
    region: np.ndarray | tuple[int, int, int, int] | None,
) -> OcclusionCard:
    """The card of one image (3,S,S); `region` is its object in the pixels of the crop."""
    return OcclusionCard(
        title,
        network.preprocess.to_pixels(x),
        found.label,
        network.classes,
        found.square,
        found.probability,
        found.activation,
        found.winner,
        found.map,
        region,
        found.extent(),
        f"Probability of {network.classes[found.label]} without the square: {percent(found.clear)}",
    )
