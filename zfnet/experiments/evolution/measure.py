"""Strongest activations of each map at several epochs of a training (paper, Fig 4).

For every epoch whose network the run kept: the strongest activation of each map over a data set
and, for a few maps drawn at random, its projection to pixels. Where another image becomes the
strongest, the picture jumps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zfnet import network as networks
from zfnet.attribution.projector import DECONVNET, ChosenMethod, Projector
from zfnet.checkpoint import kept_epochs
from zfnet.data import Dataset
from zfnet.deconvnet import Unit
from zfnet.experiments.features.measure import (
    Progress,
    Strongest,
    project_strongest,
    strongest_activations,
)
from zfnet.experiments.shared.results import Report, silent
from zfnet.model import as_json
from zfnet.network import Network, require_conv_net


@dataclass(frozen=True, eq=False)
class TopActivation:
    """A map's strongest activation at an epoch.

    image:      its position in the data set.
    projection: (3,h,w), within the receptive field clipped to the image.
    patch:      (h,w,3) uint8, the same part of the image.
    field:      (rows, columns) of the whole receptive field; `corner`: the clipped part's place.
    """

    image: int
    value: float
    unit: Unit
    projection: np.ndarray
    patch: np.ndarray
    field: tuple[int, int]
    corner: tuple[int, int]

    def pattern(self) -> np.ndarray:
        """The projection in the whole receptive field, zero outside the image: (3,R,S)."""
        whole = np.zeros((3, *self.field), self.projection.dtype)
        (top, left), (h, w) = self.corner, self.projection.shape[1:]
        whole[:, top : top + h, left : left + w] = self.projection
        return whole


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One kept epoch.

    strongest:       of all maps of each layer, one activation per map.
    top_activations: layer -> map -> its strongest activation; None while the map is dead, which
                     means that it is active on no image.
    """

    epoch: int
    strongest: dict[str, Strongest]
    top_activations: dict[str, dict[int, TopActivation | None]]


def evolution(
    run: Path,
    dataset: Dataset,
    *,
    layers: Sequence[str] = (),
    maps: int = 6,
    seed: int = 0,
    batch_size: int = 64,
    device: str = "cpu",
    method: ChosenMethod = DECONVNET,
    report: Report = silent,
) -> Iterator[Snapshot]:
    """Fig 4 epoch by epoch, for the networks that the run in folder `run` kept.

    layers: names of layers; empty: every convolution. maps: maps of each layer, drawn from `seed`
    among all maps, dead or not, so that they are the same at every epoch. method: of projection.

    ValueError if the run kept no networks, for networks of different architectures, and for a
    layer that does not exist or has no plane of units.
    """
    kept = kept_epochs(run)
    settings: dict[str, Any] = {}
    chosen: dict[str, list[int]] = {}
    for number, (epoch, file) in enumerate(kept.items()):
        network = networks.load(file)
        network.model.to(device)
        settings = settings or as_json(require_conv_net(network, "evolution").settings)
        _check_alike(network, settings, file)
        layers = layers or network.model.convolutions
        strongest = strongest_activations(
            network, dataset, layers, k=1, batch_size=batch_size,
            progress=_epoch_of(report, number, len(kept)),
        )  # fmt: skip
        chosen = chosen or _draw(strongest, maps, seed)
        projector = method.projector(network)
        activations = {
            layer: _top_activations(network, dataset, strongest[layer], chosen[layer], projector)
            for layer in layers
        }
        yield Snapshot(epoch, strongest, activations)


def _epoch_of(report: Report, number: int, epochs: int) -> Progress:
    """The progress of one epoch's search as a part of all epochs'."""
    return lambda done, total: report("strongest images", number * total + done, epochs * total)


def _check_alike(network: Network, settings: dict[str, Any], file: Path) -> None:
    own = as_json(require_conv_net(network, "evolution").settings)
    unlike = [f"{name} {own[name]}, not {value}" for name, value in settings.items()
              if own[name] != value]  # fmt: skip
    if unlike:
        raise ValueError(
            f"{file} is of another architecture than the first network that the run kept, so their "
            f"maps cannot be compared: {', '.join(unlike)}"
        )


def _draw(strongest: dict[str, Strongest], maps: int, seed: int) -> dict[str, list[int]]:
    """Maps of each layer, in order."""
    rng = np.random.default_rng(seed)
    counts = {layer: len(found.values) for layer, found in strongest.items()}
    return {layer: sorted(rng.choice(K, min(maps, K), replace=False).tolist())
            for layer, K in counts.items()}  # fmt: skip


def _top_activations(
    network: Network,
    dataset: Dataset,
    strongest: Strongest,
    maps: Sequence[int],
    projector: Projector,
) -> dict[int, TopActivation | None]:
    by_map: dict[int, TopActivation | None] = dict.fromkeys(maps)
    for found in project_strongest(network, dataset, strongest, maps, deconvnet=projector):
        projection, unit = found.projections[0], found.projections[0].unit
        field = network.model.receptive_field(strongest.layer, unit.p, unit.q)
        corner = projection.box.top - field.top, projection.box.left - field.left
        by_map[found.map] = TopActivation(
            found.images[0], projection.value, unit, projection.crop(), found.patches[0],
            field.shape, corner,
        )  # fmt: skip
    return by_map
