"""Page of `zfnet first-layer`: filters, counts and aliasing (paper, Fig 6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from zfnet.data import Dataset
from zfnet.experiments.features.cards import map_cards
from zfnet.experiments.features.measure import project_strongest, strongest_activations
from zfnet.experiments.first_layer.claims import Group, claims
from zfnet.experiments.first_layer.measure import LOUD, STRIDES, STRONG, WEAK, FirstLayer, study
from zfnet.experiments.shared.estimates import Claim, estimate
from zfnet.experiments.shared.results import Report, Results, silent
from zfnet.network import Network
from zfnet.report import MapCard, charts, pictures
from zfnet.report.cards_figure import cards_figure
from zfnet.report.numbers import percent

LEAD = (
    "What a large stride and filters that grow freely do to the first layer, and through it to the "
    "second: filters that never fire, filters that drown the others, aliasing."
)
FILTERS = (
    "All filters of a network at one common contrast: its largest weight is full contrast and grey "
    "is zero, so that a filter that dominates makes the others look weak."
)
COUNTS = (
    f"Dead is a filter that no image of the data set activates, or whose RMS is below {WEAK:g} of "
    f"the median filter's. Dominating is one with an RMS above {STRONG:g} times the median, or a "
    f"total activation above {LOUD:g} times. Aliased is the share of the response's energy, "
    "computed at stride 1 and without its mean, that lies above the Nyquist frequency of the "
    "network's stride, 1 / (2 stride) cycles per pixel, and is folded onto lower frequencies; the "
    "mean over the filters. What stands after ± is the 95 % interval over the seeds."
)
SECOND = (
    "The maps of layer 2 with the largest activations over the data set: their nine strongest "
    "activations, projected, beside the parts of the images that caused them. Aliasing shows as "
    "fine regular patterns that the images do not have."
)
TILE = 56


@dataclass(frozen=True, eq=False)
class _Studied:
    title: str
    layers: list[FirstLayer]
    cards: list[MapCard]  # of the first network

    def mean(self, values: Iterable[float], digits: int = 1, whole: float | None = None) -> str:
        return estimate(list(values)).text(digits, whole)

    def count(self, flags: Iterable[np.ndarray]) -> str:
        """A whole number for one network, the mean for several."""
        return self.mean((each.sum() for each in flags), int(len(self.layers) > 1))


def write_first_layer(
    groups: Sequence[Group],
    dataset: Dataset,
    results: Results,
    *,
    maps: int = 6,
    images: int = 200,
    report: Report = silent,
) -> Path:
    """Study the first layers of `groups`; everything is rewritten after each group.

    The page, first-layer.png, of each group filters-NAME.png and layer-2-NAME.png (of its first
    network), first-layer.csv, filters.csv and first-layer.json. maps: of layer 2 that are
    projected; images: in which aliasing is measured. Returns the page's path. ValueError for no
    group, or maps or images below 1.
    """
    if not groups or maps < 1:
        raise ValueError(f"{len(groups)} networks, {maps} maps of each: at least one is needed")
    studied: dict[str, _Studied] = {}
    for group in groups:
        layers: list[FirstLayer] = []
        cards: list[MapCard] = []
        for network in group.networks:
            layers.append(study(network, dataset, images=images, report=report))
            cards = cards or _second_layer(network, dataset, maps, report)
        studied[group.name] = _Studied(group.title, layers, cards)
        page = _write(studied, len(dataset), results)
    return page


def _second_layer(network: Network, dataset: Dataset, maps: int, report: Report) -> list[MapCard]:
    """Cards of the maps of conv2 with the largest activations."""
    strongest = strongest_activations(
        network, dataset, ["conv2"], progress=lambda d, n: report("layer 2", d, n)
    )["conv2"]
    loudest = np.argsort(-strongest.values[:, 0], kind="stable")[:maps]
    found = project_strongest(network, dataset, strongest, loudest.tolist())
    return map_cards(found, dataset)


def _write(studied: dict[str, _Studied], images: int, results: Results) -> Path:
    stated = claims({name: kind.layers for name, kind in studied.items()})
    _numbers(studied, stated, results)
    networks = sum(len(kind.layers) for kind in studied.values())
    page = results.page(
        "The first layer", LEAD, [("networks", str(networks)), ("images", f"{images:,}")]
    )
    section = page.section("Filters", FILTERS)
    section.gallery([_mosaic(name, kind, results) for name, kind in studied.items()], width=320)
    section = page.section("Dead, dominating, aliased", COUNTS)
    section.table(
        ["network", "conv1", "filters", "largest RMS / median", "dead", "dominating", "aliased, %"],
        [_row(kind) for kind in studied.values()],
    )
    for sentence in [claim.sentence() for claim in stated] or [_compared(studied)]:
        section.paragraph(sentence)
    section.figure(
        results.chart("first-layer", _chart(studied)),
        "Left: the filters' RMS, the largest first. Right: what each stride would alias of the "
        "same filters' response; a dot marks the network's own.",
        "RMS of the filters, and the aliased share by stride",
    )
    section = page.section("The second layer, projected", SECOND)
    for name, kind in studied.items():
        section.fig2(kind.title, kind.cards)
        _sheet(name, kind, results)
    return results.write(page)


def _mosaic(name: str, kind: _Studied, results: Results) -> tuple[np.ndarray, str]:
    """All filters of the first network as a picture, and the counts of its kinds."""
    layer = kind.layers[0]
    K, _, R, _ = layer.weight.shape
    tiles = [pictures.enlarge(t, max(1, TILE // R)) for t in pictures.filters(layer.weight)]
    picture = pictures.mosaic(tiles, min(K, 8), 4)
    caption = (
        f"{kind.title}: {layer.title}, {K} filters, {layer.dead.sum()} dead, "
        f"{layer.dominating.sum()} dominating, {percent(layer.aliasing(), 1)} aliased"
    )
    return results.picture(f"filters-{name}", picture), caption


def _sheet(name: str, kind: _Studied, results: Results) -> None:
    """The projections of layer 2 as a file."""
    if kind.cards:
        results.figure(f"layer-2-{name}", cards_figure(kind.cards))


def _row(kind: _Studied) -> list[str]:
    layers, first = kind.layers, kind.layers[0]
    return [
        kind.title,
        first.title,
        str(len(first.weight)),
        kind.mean((layer.dominance for layer in layers), 2),
        kind.count(layer.dead for layer in layers),
        kind.count(layer.dominating for layer in layers),
        kind.mean((100 * layer.aliasing() for layer in layers), whole=100),
    ]


def _compared(studied: dict[str, _Studied]) -> str:
    """A sentence for networks without seeds: the measured shares, without a verdict."""
    shares = {kind.title: kind.layers[0].aliasing() for kind in studied.values()}
    if len(shares) < 2:
        return "One network alone says nothing about stride or renormalisation."
    least, most = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
    return (
        f"Of these networks `{least}` aliases least ({percent(shares[least], 1)}) and "
        f"`{most}` most ({percent(shares[most], 1)}). One network of each kind gives "
        "no interval: that stride or renormalisation is the cause cannot be told from it."
    )


def _numbers(studied: dict[str, _Studied], stated: Sequence[Claim], results: Results) -> None:
    each = [(name, n, layer) for name, kind in studied.items()
            for n, layer in enumerate(kind.layers)]  # fmt: skip
    results.numbers(
        thresholds={"weak": WEAK, "strong": STRONG, "loud": LOUD},
        networks=[{"network": name, "number": n, **_described(layer)} for name, n, layer in each],
        claims=[claim.as_json() for claim in stated],
    )
    results.table(
        "first-layer",
        ["network", "number", "size", "stride", "filters", "dominance", "never_active", "weak",
         "strong", "loud", "aliased"],
        [
            [name, n, layer.weight.shape[2], layer.stride, len(layer.weight), layer.dominance,
             *(int(flags.sum()) for flags in (layer.never_active, layer.weak, layer.strong,
                                              layer.loud)), layer.aliasing()]
            for name, n, layer in each
        ],
    )  # fmt: skip
    results.table(
        "filters",
        ["network", "number", "filter", "rms", "largest", "total", "aliased"],
        [
            [name, n, k, layer.rms[k], layer.largest[k], layer.total[k],
             layer.aliased[layer.stride][k]]
            for name, n, layer in each for k in range(len(layer.weight))
        ],
    )  # fmt: skip


def _described(layer: FirstLayer) -> dict[str, Any]:
    flags = ("never_active", "weak", "dead", "strong", "loud", "dominating")
    return {
        "size": layer.weight.shape[2],
        "stride": layer.stride,
        "dominance": layer.dominance,
        **{name: np.flatnonzero(getattr(layer, name)) for name in flags},
        "aliased_by_stride": {str(s): layer.aliasing(s) for s in layer.aliased},
    }


def _chart(studied: dict[str, _Studied]) -> Figure:
    """One line per network; those of a kind share a colour."""
    figure, (left, right) = charts.panels(2)
    for n, kind in enumerate(studied.values()):
        colour = charts.COLOURS[n % len(charts.COLOURS)]
        for layer in kind.layers:
            rms = np.sort(layer.rms)[::-1]
            left.plot(np.arange(1, len(rms) + 1), rms, color=colour, linewidth=1.2)
            shares = [100 * layer.aliasing(s) for s in STRIDES]
            right.plot(STRIDES, shares, color=colour, linewidth=1.2)
            right.plot(layer.stride, 100 * layer.aliasing(), "o", color=colour)
        right.plot([], [], color=colour, label=kind.title)
    left.set_ylim(bottom=0)
    charts.style_axes(left, "RMS of the filters", x="filter, by RMS")
    charts.style_axes(right, "Aliased share of the response, %", x="stride")
    charts.legend(right)
    return figure
