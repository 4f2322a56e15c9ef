"""Page of `zfnet features`: strongest activations of each map (paper, Fig 2).

The page is written after every layer, and an interrupted run goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from zfnet.attribution.methods import METHODS
from zfnet.attribution.projector import DECONVNET, TABLES, ChosenMethod, titles
from zfnet.data import Dataset, Subset
from zfnet.experiments.features.cards import FEATURES, map_cards
from zfnet.experiments.features.lattice import Lattice, lattice
from zfnet.experiments.features.layers import described, named, story
from zfnet.experiments.features.measure import (
    MapPicture,
    Strongest,
    choose_maps,
    joined,
    project_strongest,
    strongest_activations,
)
from zfnet.experiments.features.unfinished import Finished, Unfinished, key_of
from zfnet.experiments.shared import pages
from zfnet.experiments.shared.results import Report, Results, silent
from zfnet.network import Network
from zfnet.report import Section
from zfnet.report.cards_figure import cards_figure
from zfnet.report.numbers import percent

GUIDED = ChosenMethod("guided")
STRONGEST = 9
"""Activations of each map, as in the paper's Fig 2."""
CHUNK = 512
"""Images after which the strongest activations are kept; a multiple of the batch size."""


@dataclass(frozen=True)
class Shown:
    """What the page shows.

    layers: names of layers; empty: a choice (`layers.story`).
    maps:   maps of each layer, drawn from `seed`.
    methods: of the projections; those of one stand beside those of another.
    """

    layers: Sequence[str] = ()
    maps: int = 9
    seed: int = 0
    methods: Sequence[ChosenMethod] = (DECONVNET,)


@dataclass(frozen=True)
class _Run:
    """A network and a data set, the results' folder, and what is shown."""

    network: Network
    dataset: Dataset
    results: Results
    shown: Shown
    report: Report


def write_features(
    network: Network,
    dataset: Dataset,
    results: Results,
    shown: Shown = Shown(),
    *,
    report: Report = silent,
    say: Callable[[str], None] = lambda text: None,
) -> Path:
    """Fig 2 for a network and a data set: the page, a figure per layer, and features.json.

    All of them are written after every layer. An interrupted run of the same network, images and
    options goes on after its last whole layer, and says so. Returns the page's path. ValueError for
    layers that do not exist.
    """
    layers = named(network.model, shown.layers) or story(network.model)
    run = _Run(network, dataset, results, replace(shown, layers=layers), report)
    kept = Unfinished(
        results.out,
        key_of(
            network,
            dataset,
            {
                **results.settings,
                "all": layers,
                **asdict(results.figures),
            },
        ),
    )
    strongest = _strongest(run, kept, say)
    done: dict[str, Finished] = {}
    for n, (layer, maps) in enumerate(_drawn(run, strongest).items()):
        before = kept.layer(n)
        done[layer] = before or _layer(run, strongest[layer], maps)
        if before is None:
            kept.keep_layer(n, done[layer])
        page = _write(run, done)
        report("projections", n + 1, len(layers))
    kept.remove()
    return page


def _strongest(run: _Run, kept: Unfinished, say: Callable[[str], None]) -> dict[str, Strongest]:
    """The strongest activations of every layer, those that are kept and of the other images."""
    done, found = kept.strongest()
    total, layers = len(run.dataset), run.shown.layers
    if done:
        whole = sum(kept.layer(n) is not None for n in range(len(layers)))
        say(
            f"Goes on where it was: {done:,} of {total:,} images have been looked at, {whole} of "
            f"{len(layers)} layers are done."
        )
    while done < total:
        before, part = done, range(done, min(done + CHUNK, total))

        def progress(looked: int, of: int, before: int = before) -> None:
            run.report("strongest activations", before + looked, total)

        more = strongest_activations(
            run.network, Subset(run.dataset, part), layers, k=STRONGEST,
            progress=progress,
        )  # fmt: skip
        found = joined(found, more, done, STRONGEST)
        done = part.stop
        kept.keep_strongest(done, found)
    return found


def _drawn(run: _Run, strongest: dict[str, Strongest]) -> dict[str, list[int]]:
    """The maps of each layer, drawn one layer after the other, also of those that are done."""
    rng = np.random.default_rng(run.shown.seed)
    return {
        layer: choose_maps(strongest[layer], run.shown.maps, rng)
        for layer in run.shown.layers if layer in strongest
    }  # fmt: skip


def _layer(run: _Run, strongest: Strongest, maps: list[int]) -> Finished:
    """One layer of the page, with its figure file."""
    model, layer = run.network.model, strongest.layer
    by_rules = {each.name: _projected(run, strongest, maps, each) for each in run.shown.methods}
    found = next(iter(by_rules.values()))
    measured = lattice(model, layer, by_rules)
    if measured is not None and measured.drowns and [*by_rules] == [DECONVNET.name]:
        by_rules[GUIDED.name] = _projected(run, strongest, maps, GUIDED)
        measured = lattice(model, layer, by_rules)
    own, *others = by_rules
    cards = map_cards(found, run.dataset, by=own, others={name: by_rules[name] for name in others})
    section = Section("", "")
    section.fig2(pages.layer_title(model, layer), cards, _about(measured))
    if cards:
        run.results.figure(layer, cards_figure(cards))
    numbers = [_numbers(picture, run.dataset) for picture in found]
    return Finished(section.content, numbers, None if measured is None else asdict(measured))


def _projected(
    run: _Run, strongest: Strongest, maps: list[int], method: ChosenMethod
) -> list[MapPicture]:
    projector = method.projector(run.network)
    return project_strongest(
        run.network, run.dataset, strongest, maps, deconvnet=projector,
        progress=lambda done, total: _report_slow(run, method, strongest.layer, done, total),
    )  # fmt: skip


def _report_slow(run: _Run, method: ChosenMethod, layer: str, done: int, total: int) -> None:
    """Progress within a layer, for methods that take long."""
    if method.name not in TABLES:
        run.report(f"{layer}, {method.name}", done, total)


def _about(measured: Lattice | None) -> str:
    """The lattice in words, where the projections drown in it; else empty."""
    if measured is None or not measured.drowns:
        return ""
    (_, share), *others = measured.by_rules.items()
    beside = "".join(
        f" Beside them, by {METHODS[name].title}: {percent(other)}." for name, other in others
    )
    return (
        f"These projections are more a lattice than a picture: their energy alternates by "
        f"{percent(share)} with the place within {measured.step} pixels, the step between the "
        f"units of a lower layer; the images' does by {percent(measured.images)}. The lattice "
        "comes from the network's strides, whose windows overlap unevenly, and not from the "
        f"image.{beside} "
        "(Standard deviation over the places within the step, of the energy of rows and columns.)"
    )


def _write(run: _Run, done: dict[str, Finished]) -> Path:
    """The page and the numbers of the layers that are done."""
    layers, model = run.shown.layers, run.network.model
    page = run.results.page("What excites each map", _lead(run), _facts(run))
    pages.add_filters(page, model)
    section = page.section("Strongest activations", FEATURES)
    if described(model, layers):
        section.paragraph(described(model, layers))
    if _legend(run.shown.methods):
        section.paragraph(_legend(run.shown.methods))
    pages.add_notes(section, model)
    for finished in done.values():
        section.restore(finished.html)
    run.results.numbers(
        layers={layer: finished.numbers for layer, finished in done.items()},
        lattices={layer: finished.lattice for layer, finished in done.items()},
    )
    return run.results.write(page, _status(len(done), len(layers)))


def _legend(methods: Sequence[ChosenMethod]) -> str:
    """What the colours of relevance and of other maps mean."""
    maps = [method.name for method in methods if METHODS[method.name].kind != "colours"]
    if not maps:
        return ""
    return (
        f"Tiles by {', '.join(maps)} have one number a pixel: red speaks for the unit, blue "
        "against it, and grey is zero."
    )


def _status(done: int, total: int) -> str:
    if done == total:
        return ""
    return (
        f"{done} of {total} layers. The others are being computed, and this page loads itself "
        "again; if the command was interrupted, the same one goes on from here."
    )


def _lead(run: _Run) -> str:
    network = run.network
    classes = f"{len(network.classes):,} classes and " if network.classes else ""
    return (
        f"A network with {classes}{network.model.parameter_count:,} parameters, looking at "
        f"{len(run.dataset):,} images of {Path(run.dataset.name).name}; projections by "
        f"{titles(run.shown.methods)}."
    )


def _facts(run: _Run) -> list[tuple[str, str]]:
    return [
        ("images", f"{len(run.dataset):,}"),
        ("layers", str(len(run.shown.layers))),
        ("maps of each", str(run.shown.maps)),
    ]


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
