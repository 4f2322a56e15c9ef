"""Page of `zfnet evolution`: grids and numbers (paper, Fig 4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from zfnet import network as networks
from zfnet.attribution.projector import DECONVNET, ChosenMethod
from zfnet.checkpoint import kept_epochs
from zfnet.data import Dataset
from zfnet.experiments.evolution.claims import (
    Trend,
    changed,
    dead,
    likeness,
    sentence,
    similarity,
    trend,
)
from zfnet.experiments.evolution.grid import DOTS, SHOWN, evolution_grid
from zfnet.experiments.evolution.measure import Snapshot, TopActivation, evolution
from zfnet.experiments.shared import pages
from zfnet.experiments.shared.results import Report, Results, silent
from zfnet.report import Page, charts
from zfnet.report.figures import OWN, Figures
from zfnet.report.numbers import percent

HEADER = (
    "layer", "map", "epoch", "image", "value", "p", "q",
    "similarity to the epoch before", "similarity to the last epoch",
)  # fmt: skip
MEASURED = (
    "Left, the share of all maps of a layer, active at both epochs, whose strongest image is "
    "another one than at the kept epoch before. Right, for the maps shown below, the mean cosine "
    "between the projection at an epoch and that at the last kept one, in the frame of the unit's "
    "field; a map that is still dead counts 0."
)
CAUTION = (
    "This is one run: the interval is over maps, not over trainings. And a projection depends on "
    "its image, in upper layers more than in lower ones: where the strongest image jumps, the "
    "cosine falls even if the map looks for the same thing as before."
)


def write_evolution(
    run: Path,
    dataset: Dataset,
    out: Path,
    *,
    layers: Sequence[str] = (),
    maps: int = 6,
    seed: int = 0,
    device: str = "cpu",
    method: ChosenMethod = DECONVNET,
    settings: Mapping[str, Any] | None = None,
    figures: Figures = OWN,
    report: Report = silent,
) -> Path:
    """Fig 4 for a run and a data set: `out`/index.html, the grids, and the numbers.

    evolution.csv grows with every epoch. settings: of the command, for the record. Returns the
    page's path. ValueError as `evolution` raises it.
    """
    results = Results(out, "evolution", settings or {}, figures)
    snapshots: list[Snapshot] = []
    chosen: dict[str, Any] = {"layers": layers, "maps": maps, "seed": seed, "device": device,
                              "method": method}  # fmt: skip
    for snapshot in evolution(run, dataset, **chosen, report=report):
        snapshots.append(snapshot)
        results.table("evolution", HEADER, _rows(snapshots, dataset))
    claim = trend(snapshots)
    results.numbers(**_numbers(snapshots, dataset, claim))
    page = results.page("How features develop", _lead(snapshots, dataset), _facts(snapshots))
    _add_measures(page, results, snapshots, claim)
    section = page.section("Features by epoch", SHOWN)
    model = networks.load(kept_epochs(run)[snapshots[0].epoch]).model
    for layer in snapshots[0].top_activations:
        grid = evolution_grid(snapshots, layer)
        width = round(grid.get_figwidth() * DOTS)
        shown = results.chart(layer, grid)
        section.subheading(pages.layer_title(model, layer))
        section.figure(
            shown,
            "",
            f"Strongest activations of maps of {layer} by epoch",
            pixelated=False,
            width=width,
        )
    return results.write(page)


def _lead(snapshots: Sequence[Snapshot], dataset: Dataset) -> str:
    return (
        f"One training, looked at after {len(snapshots)} of its epochs: what excites each map most "
        f"among {len(dataset):,} images of {Path(dataset.name).name}."
    )


def _facts(snapshots: Sequence[Snapshot]) -> list[tuple[str, str]]:
    first, last = snapshots[0], snapshots[-1]
    return [
        ("kept epochs", str(len(snapshots))),
        (f"dead maps after epoch {first.epoch}", str(_all_dead(first))),
        (f"dead maps after epoch {last.epoch}", str(_all_dead(last))),
    ]


def _all_dead(snapshot: Snapshot) -> int:
    return sum(dead(snapshot, layer) for layer in snapshot.strongest)


def _add_measures(
    page: Page, results: Results, snapshots: Sequence[Snapshot], claim: Trend
) -> None:
    section = page.section(
        "Which layers settle first?",
        "The paper finds that the lower layers converge within a few epochs, while the upper ones "
        "develop only after many. " + sentence(claim),
    )
    section.paragraph(CAUTION)
    if len(snapshots) > 1:
        chart = results.chart("measures", _measures(snapshots))
        section.figure(chart, MEASURED, "Jumps and similarity by epoch", pixelated=False)
    rows = [_summary(snapshots, layer) for layer in snapshots[0].top_activations]
    epochs = [f"jumps {a.epoch} to {b.epoch}" for a, b in pairwise(snapshots)]
    section.table(["layer", "dead at last", *epochs], rows)


def _summary(snapshots: Sequence[Snapshot], layer: str) -> list[str]:
    jumps = [changed(a, b, layer) for a, b in pairwise(snapshots)]
    shown = ["–" if jump is None else percent(jump) for jump in jumps]
    return [layer, str(dead(snapshots[-1], layer)), *shown]


def _measures(snapshots: Sequence[Snapshot]) -> Figure:
    """Jumps and similarity by epoch, a line for each layer."""
    figure, (left, right) = charts.panels(2)
    epochs = [snapshot.epoch for snapshot in snapshots]
    for i, layer in enumerate(snapshots[0].top_activations):
        style: dict[str, Any] = {
            "color": charts.COLOURS[i % len(charts.COLOURS)], "marker": "o", "label": layer,
        }  # fmt: skip
        jumps = [(b.epoch, changed(a, b, layer)) for a, b in pairwise(snapshots)]
        left.plot(*zip(*jumps, strict=True), **style)
        alike = _mean_likeness(snapshots, layer)
        if alike is not None:
            right.plot(epochs, alike, **style)
    charts.style_axes(left, "Strongest images that changed", "epoch", "share of maps")
    charts.style_axes(right, "Projections, likeness to the last", "epoch", "cosine")
    left.set_ylim(0, 1)
    right.set_ylim(bottom=min(0, right.get_ylim()[0]))
    for axes in (left, right):
        axes.set_xlim(0, epochs[-1] + 1)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    charts.legend(right, loc="lower right")
    return figure


def _mean_likeness(snapshots: Sequence[Snapshot], layer: str) -> list[float] | None:
    """By epoch, over the maps; None if all of them are dead at the last one."""
    alike = likeness(snapshots, layer)
    return alike.mean(axis=0).tolist() if len(alike) else None


def _rows(snapshots: Sequence[Snapshot], dataset: Dataset) -> Iterator[list[object]]:
    """A row for each layer, map and epoch; empty cells where the map is dead."""
    for layer, maps in snapshots[0].top_activations.items():
        for map in maps:
            activations = [snapshot.top_activations[layer][map] for snapshot in snapshots]
            for i, (snapshot, top) in enumerate(zip(snapshots, activations, strict=True)):
                before = similarity(activations[i - 1], top) if i and top else ""
                last = similarity(top, activations[-1]) if activations[-1] else ""
                yield [layer, map, snapshot.epoch, *_found(top, dataset), before, last]


def _found(top: TopActivation | None, dataset: Dataset) -> list[object]:
    if top is None:
        return ["", "", "", ""]
    return [dataset.title(top.image), top.value, top.unit.p, top.unit.q]


def _numbers(snapshots: Sequence[Snapshot], dataset: Dataset, claim: Trend) -> dict[str, Any]:
    return {
        "epochs": [snapshot.epoch for snapshot in snapshots],
        "layers": {
            layer: _of_layer(snapshots, dataset, layer) for layer in snapshots[0].top_activations
        },
        "trend": {**asdict(claim), "verdict": claim.verdict, "sentence": sentence(claim)},
    }


def _of_layer(snapshots: Sequence[Snapshot], dataset: Dataset, layer: str) -> dict[str, Any]:
    return {
        "dead": [dead(snapshot, layer) for snapshot in snapshots],
        "changed": [changed(a, b, layer) for a, b in pairwise(snapshots)],
        "similarity_to_last": _mean_likeness(snapshots, layer),
        "maps": {
            map: [_as_json(snapshot.top_activations[layer][map], dataset) for snapshot in snapshots]
            for map in snapshots[0].top_activations[layer]
        },
    }


def _as_json(top: TopActivation | None, dataset: Dataset) -> dict[str, Any] | None:
    """None while the map is dead."""
    if top is None:
        return None
    image, value, p, q = _found(top, dataset)
    return {"image": image, "value": value, "unit": [p, q]}
