"""Share of a projection's energy that lies on the object (our measure; paper, section 4).

The strongest unit of a layer in an image is projected to the pixels. The energy of a projection is
the sum of its squared values. The share of energy on the image's object is divided by the object's
share of the receptive field, which is the expectation for a uniform spread. Objects and fields both
tend to the middle of an image, and a projection is strongest in the middle of its field. As a
control, the same ratio is computed for the object of another image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minidl import no_grad
from zfnet.data import Dataset
from zfnet.deconvnet import Deconvnet, Projection, Unit, strongest
from zfnet.experiments.features.measure import centre_crop
from zfnet.experiments.occlusion.pointing import known_region
from zfnet.experiments.shared.results import Report, silent
from zfnet.network import Network

BATCH = 16


@dataclass(frozen=True, eq=False)
class Energy:
    """Shares of N projections and their receptive fields, from 0 to 1, each (N,).

    on, area:         share of the energy on the image's own object, and of the field.
    other, elsewhere: the same for the place of another image's object.
    """

    on: np.ndarray
    area: np.ndarray
    other: np.ndarray
    elsewhere: np.ndarray

    @property
    def ratio(self) -> float:
        """The mean share of energy on the object, divided by that of a uniform spread."""
        return float(self.on.mean() / self.area.mean())

    @property
    def control(self) -> float:
        """The same ratio for the places of other images' objects."""
        return float(self.other.mean() / self.elsewhere.mean())


def energy(
    network: Network,
    dataset: Dataset,
    indices: Sequence[int],
    layers: Sequence[str] = (),
    *,
    report: Report = silent,
) -> dict[str, Energy]:
    """The energy by layer, of the strongest unit in each of the images `indices` of a data set.

    layers: names of layers; empty: every convolution. Images in which a
    layer is not active are left out for that layer. ValueError for fewer than two images, one
    without mask or box, an unknown layer, or one whose active units have no object in their fields.
    """
    if len(indices) < 2:
        raise ValueError(f"{len(indices)} image(s): at least 2 are needed, each with an object")
    layers = list(layers) or network.model.convolutions
    regions = np.stack([known_region(network, dataset, index) for index in indices])  # (N,S,S)
    others = np.roll(regions, 1, axis=0)
    rows: dict[str, list[list[float]]] = {layer: [] for layer in layers}
    for first in range(0, len(indices), BATCH):
        chunk = indices[first : first + BATCH]
        x = np.stack([centre_crop(network, dataset, index) for index in chunk])
        for layer, found in _projected(network, x, layers).items():
            for n, projection in enumerate(found, start=first):
                rows[layer] += _shares(projection, regions[n], others[n])
        report("energy on the object", first + len(chunk), len(indices))
    return {layer: _joined(layer, shares) for layer, shares in rows.items()}


def _projected(
    network: Network, x: np.ndarray, layers: Sequence[str]
) -> dict[str, list[Projection]]:
    """The strongest unit of each layer in each of the images (N,3,S,S), projected."""
    network.model.eval()
    with no_grad():
        activations = network.model.activations(network.model.input_tensor(x))
    unknown = [layer for layer in layers if layer not in activations]
    if unknown:
        raise ValueError(f"no layer {', '.join(unknown)}; the layers are {', '.join(activations)}")
    planes = {la: network.model.layout(la).planar(activations[la].data) for la in layers}
    units: dict[str, list[Unit]] = {la: strongest(planes[la]) for la in layers}
    projector = Deconvnet(network.model)
    return {layer: projector.project_each(x, layer, chosen) for layer, chosen in units.items()}


def _shares(projection: Projection, region: np.ndarray, other: np.ndarray) -> list[list[float]]:
    """One row [on, area, other, elsewhere], or no row where the layer is not active."""
    squares = np.square(projection.crop(), dtype=np.float64).sum(axis=0)  # (3,h,w) -> (h,w)
    whole = float(squares.sum())
    if not (projection.value > 0 and whole > 0):
        return []
    b = projection.box
    row: list[float] = []
    for mask in (region, other):
        field = mask[b.top : b.bottom, b.left : b.right]
        row += [float(squares[field].sum()) / whole, float(field.mean())]
    return [row]


def _joined(layer: str, shares: Sequence[Sequence[float]]) -> Energy:
    columns = np.array(shares).reshape(-1, 4).T  # (n,4) -> (4,n); n may be 0
    if not (columns[1].any() and columns[3].any()):
        raise ValueError(
            f"{layer}: no active unit sees a part of an object in {len(shares)} projections, so "
            "that there is no share to compare with; look at more images"
        )
    return Energy(*columns)
