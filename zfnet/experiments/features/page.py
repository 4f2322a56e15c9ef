"""Page of `zfnet features`: strongest activations of each map (paper, Fig 2)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minidl.rules import Rules, deconvnet
from zfnet.data import Dataset
from zfnet.deconvnet import Deconvnet
from zfnet.experiments.features.cards import FEATURES, map_cards
from zfnet.experiments.features.measure import (
    MapPicture,
    choose_maps,
    project_strongest,
    strongest_activations,
)
from zfnet.experiments.shared import pages
from zfnet.experiments.shared.results import Report, Results, silent
from zfnet.network import Network
from zfnet.report.cards import sheet


def write_features(
    network: Network,
    dataset: Dataset,
    results: Results,
    *,
    layers: Sequence[str] = (),
    maps: int = 9,
    seed: int = 0,
    table: Rules = deconvnet,
    report: Report = silent,
) -> Path:
    """Fig 2 for a network and a data set: the page, a PNG per layer, and features.json.

    layers: names of layers; empty: every convolution and join of the trunk.
    maps:   maps of each layer, drawn from `seed`.
    Returns the page's path. ValueError for layers that do not exist.
    """
    page = results.page("What excites each map", _lead(network, dataset, table))
    layers = list(layers) or network.model.shown_layers
    strongest = strongest_activations(
        network, dataset, layers, progress=lambda d, t: report("strongest activations", d, t)
    )
    pages.add_filters(page, network.model)
    section = page.section("Strongest activations", FEATURES)
    pages.add_notes(section, network.model)
    rng, numbers = np.random.default_rng(seed), {}
    for done, layer in enumerate(layers, start=1):
        chosen = choose_maps(strongest[layer], maps, rng)
        projector = Deconvnet(network.model, table)
        found = project_strongest(network, dataset, strongest[layer], chosen, deconvnet=projector)
        title = pages.layer_title(network.model, layer)
        cards = map_cards(found, dataset)
        section.fig2(title, cards)
        if cards:
            results.picture(layer, sheet(cards))
        numbers[layer] = [_numbers(picture, dataset) for picture in found]
        report("projections", done, len(layers))
    results.numbers(layers=numbers)
    return results.write(page)


def _lead(network: Network, dataset: Dataset, table: Rules) -> str:
    classes = f"{len(network.classes)} classes and " if network.classes else ""
    return (
        f"A network with {classes}{network.model.parameter_count:,} parameters, looking at "
        f"{len(dataset):,} images of {Path(dataset.name).name}; projections by the rules of the "
        f"{table.name}."
    )


def _numbers(picture: MapPicture, dataset: Dataset) -> dict[str, Any]:
    return {
        "map": picture.map,
        "strongest": [
            {
                "image": dataset.title(image),
                "value": projection.value,
                "unit": [projection.unit.p, projection.unit.q],
                "box": [*vars(projection.box).values()],
            }
            for image, projection in zip(picture.images, picture.projections, strict=True)
        ],
    }
