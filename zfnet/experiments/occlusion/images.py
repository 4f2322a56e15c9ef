"""Images of `zfnet occlusion`: files, a data set's images, and other images of the same map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zfnet.attribution.projector import DECONVNET, ChosenMethod
from zfnet.data import Dataset, Subset
from zfnet.deconvnet import Projection
from zfnet.experiments.features.measure import (
    Strongest,
    centre_crop,
    project_strongest,
    strongest_activations,
)
from zfnet.experiments.occlusion.pointing import region_in_crop
from zfnet.experiments.shared.labels import class_named, true_label
from zfnet.experiments.shared.photographs import Photograph, as_inputs
from zfnet.experiments.shared.results import Report, silent
from zfnet.network import Network

OTHERS = 3
"""Other images with projections of the same map, as in Fig 7 (c)."""


@dataclass(frozen=True, eq=False)
class Subject:
    """An image to occlude: x (3,S,S); its class or None; its object's mask (S,S) bool or None.

    index: its position in the data set, -1 for a file.
    """

    title: str
    x: np.ndarray
    label: int | None
    region: np.ndarray | None = None
    index: int = -1


def from_files(
    network: Network, photographs: Sequence[Photograph], labels: Sequence[str] = ()
) -> list[Subject]:
    """Photographs with class names: none, one for all, or one for each.

    ValueError for another number of names, or an unknown name.
    """
    if not photographs:
        return []
    if len(labels) not in (0, 1, len(photographs)):
        raise ValueError(
            f"--label is given {len(labels)} times, for {len(photographs)} image(s): give one for "
            "all, or one each"
        )
    known: list[int | None] = [class_named(network.classes, name, "the network") for name in labels]
    each = known * len(photographs) if len(known) == 1 else known or [None] * len(photographs)
    inputs = as_inputs(network, photographs)
    return [Subject(p.name, x, la) for p, x, la in zip(photographs, inputs, each, strict=True)]


def from_dataset(network: Network, dataset: Dataset, indices: Sequence[int]) -> list[Subject]:
    """Images of a data set by their positions, with their classes and objects where known.

    ValueError for a position outside the data set.
    """
    return [_of(network, dataset, _inside(dataset, index)) for index in indices]


def _of(network: Network, dataset: Dataset, index: int) -> Subject:
    shape = dataset.image(index).shape
    region = region_in_crop(network.preprocess, dataset.truth(index), shape)
    x, label = centre_crop(network, dataset, index), true_label(network, dataset, index)
    return Subject(dataset.title(index), x, label, region, index)


def _inside(dataset: Dataset, index: int) -> int:
    if not 0 <= index < len(dataset):
        raise ValueError(f"{dataset.name} has no image {index}, only 0 to {len(dataset) - 1}")
    return index


class Searched:
    """The strongest activations of the last convolution's maps in some images of a data set."""

    def __init__(
        self, network: Network, dataset: Dataset, indices: Sequence[int], report: Report = silent,
        method: ChosenMethod = DECONVNET,
    ) -> None:  # fmt: skip
        self.projector = method.projector(network)
        self.network, self.images = network, Subset(dataset, indices)
        layer = last_layer(network)
        self.strongest: Strongest = strongest_activations(
            network, self.images, [layer], k=OTHERS + 1,
            progress=lambda done, total: report("strongest activations", done, total),
        )[layer]  # fmt: skip

    def projections(self, map: int, without: int) -> list[Projection]:
        """Projections of the map's strongest activations, except the one in image `without`."""
        found = project_strongest(
            self.network, self.images, self.strongest, [map], deconvnet=self.projector
        )
        pairs = zip(found[0].images, found[0].projections, strict=True) if found else ()
        return [p for image, p in pairs if self.images.indices[image] != without][:OTHERS]


def last_layer(network: Network) -> str:
    """The last layer with spatial planes: in the paper's network layer 5, rectified."""
    return network.model.last_spatial_layer
