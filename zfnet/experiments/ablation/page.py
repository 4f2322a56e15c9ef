"""Page of `zfnet ablation`: Tables 2 and 3 beside the published ones."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from zfnet.experiments.ablation.measure import (
    COLUMNS,
    Average,
    Measured,
    averages,
    claims,
    measure,
    plans,
)
from zfnet.experiments.ablation.rows import Row
from zfnet.experiments.shared.estimates import Claim, Estimate
from zfnet.experiments.shared.results import Report, Results, silent
from zfnet.experiments.shared.scales import Scale, Trainings
from zfnet.report import Page, charts

LEAD = (
    "The same network with layers removed, with layers resized, and several networks averaged: "
    "which part of it the low error comes from."
)
TABLE3 = (
    "Errors in %, the mean over the seeds with its 95 % interval (Student's t): how much weights "
    "and order that are drawn anew move it; the images stay the same. The training error is of "
    "the centre crops, with the trained network and dropout off. The published numbers are "
    "ImageNet's: it is the differences between rows that can be compared, not the rows."
)
TABLE2 = (
    "Validation errors in %, of one network (the mean over the seeds) and of the averaged "
    "probabilities of several. The paper averages five, and six with (b)."
)
TRENDS = (
    "Each statement is decided by a difference between the networks of the same seed: it holds if "
    "the 95 % interval of the mean difference lies above zero. Only averaging is left "
    "undecided: all seeds together make one average, and one difference has no interval."
)


def write_ablation(
    rows: Sequence[Row],
    seeds: Sequence[int],
    scale: Scale,
    trainings: Trainings,
    results: Results,
    report: Report = silent,
) -> Path:
    """Train and measure `rows`; all files are rewritten after each of them.

    The page, ablation.png, table-2.csv, table-3.csv, and ablation.json with the error of every
    network. Returns the page's path. ValueError, before any training, if there is no seed or no
    row, or if images of this size do not fit one of the networks.
    """
    if not rows:
        raise ValueError("no row to train: at least one is needed")
    classes = len(trainings.train.classes)
    planned = [(row, plans(row, seeds, scale, classes)) for row in rows]
    found: dict[str, Measured] = {}
    with closing(measure(planned, trainings, ten_crops=scale.ten_crops, report=report)) as measured:
        for one in measured:
            found[one.row.name] = one
            page = _write(found, len(rows), results)
    return page


def _write(found: dict[str, Measured], planned: int, results: Results) -> Path:
    """Page, chart and numbers of the rows so far."""
    means, stated = averages(found), claims(found)
    _numbers(found, means, stated, results)
    facts = [
        ("rows", str(len(found)) if len(found) == planned else f"{len(found)} of {planned}"),
        ("networks", str(sum(row.nets for row in found.values()))),
        ("validation images", f"{len(next(iter(found.values())).labels):,}"),
    ]
    page = results.page("Which layers matter", LEAD, facts)
    _trends(page, stated)
    section = page.section("Layers removed and resized (Table 3)", TABLE3)
    section.figure(
        results.chart("ablation", _chart(found)),
        "Bars: validation top-1 error, with its interval over the seeds. Dots: training error.",
        "Validation and training error of each row",
    )
    section.table(
        [
            "network",
            "train top-1",
            "val top-1",
            "val top-5",
            "published: train",
            "val",
            "val top-5",
        ],
        [_table3(row) for row in found.values()],
    )
    if means:
        page.section("Networks averaged (Table 2)", TABLE2).table(
            ["networks", "averaged", "val top-1", "val top-5", "published: averaged", "top-1",
             "top-5"],
            [_table2(average) for average in means],
        )  # fmt: skip
    return results.write(page)


def _trends(page: Page, stated: Sequence[Claim]) -> None:
    if not stated:
        return
    section = page.section("Does the paper's trend hold?", TRENDS)
    for claim in stated:
        section.paragraph(claim.sentence())


def _table3(measured: Measured) -> list[str]:
    published = measured.row.published
    theirs = [f"{error:.1f}" for error in published] if published else ["–"] * 3
    return [measured.row.title, *(e.text(whole=100) for e in measured.estimates()), *theirs]


def _table2(average: Average) -> list[str]:
    return [
        average.title, str(average.nets), f"{average.top1:.1f}", f"{average.top5:.1f}",
        str(average.published_nets), *(f"{error:.1f}" for error in average.published),
    ]  # fmt: skip


def _numbers(
    found: dict[str, Measured], means: Sequence[Average], stated: Sequence[Claim], results: Results
) -> None:
    results.numbers(
        table_3=[_row_numbers(measured) for measured in found.values()],
        table_2=[vars(average) for average in means],
        claims=[claim.as_json() for claim in stated],
    )
    halves = [f"{column}_interval_half" for column in COLUMNS]
    results.table(
        "table-3",
        ["row", "networks", *COLUMNS, *halves, *(f"published_{column}" for column in COLUMNS)],
        [
            [
                name, measured.nets, *(e.mean for e in measured.estimates()),
                *(e.half for e in measured.estimates()), *(measured.row.published or [None] * 3),
            ]
            for name, measured in found.items()
        ],
    )  # fmt: skip
    results.table(
        "table-2",
        ["networks", "averaged", "val_top1", "val_top5", "published_averaged",
         "published_val_top1", "published_val_top5"],
        [[a.title, a.nets, a.top1, a.top5, a.published_nets, *a.published] for a in means],
    )  # fmt: skip


def _row_numbers(measured: Measured) -> dict[str, object]:
    row = measured.row
    return {
        "row": row.name,
        "title": row.title,
        "networks": [vars(score) for score in measured.scores],
        **{c: vars(e) for c, e in zip(COLUMNS, measured.estimates(), strict=True)},
        "published": dict(zip(COLUMNS, row.published, strict=True)) if row.published else None,
    }


def _error_bars(errors: Sequence[Estimate]) -> np.ndarray:
    """(2,n): below and above each mean; 0 where there is no interval."""
    means = np.array([e.mean for e in errors])
    low, high = np.array([e.share_interval(100) or (e.mean, e.mean) for e in errors]).T
    return np.stack([means - low, high - means])  # (n,), (n,) -> (2,n)


def _chart(found: dict[str, Measured]) -> Figure:
    """A horizontal bar for each row, the first at the top."""
    figure, (axes,) = charts.panels(1, 8.5, 0.9 + 0.36 * len(found))
    places = np.arange(len(found))
    train, val, _ = zip(*(measured.estimates() for measured in found.values()), strict=True)
    colours = [
        charts.COLOURS[1 if measured.row.architecture == "alexnet" else 0]
        for measured in found.values()
    ]
    axes.barh(places, [e.mean for e in val], 0.6, color=colours, alpha=0.75,
              xerr=_error_bars(val), error_kw={"ecolor": charts.TEXT})  # fmt: skip
    axes.plot([e.mean for e in train], places, "o", color=charts.COLOURS[2])
    axes.set_yticks(places, [measured.row.title for measured in found.values()])
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    charts.style_axes(axes, "Top-1 error", x="%")
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=charts.TEXT, alpha=0.2, linewidth=0.8)
    return figure
