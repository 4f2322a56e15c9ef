"""Page of `zfnet check`: verdicts on the trends, a chart of the estimates, the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zfnet.experiments.check.measure import Checked
from zfnet.experiments.shared.estimates import Claim, Verdict
from zfnet.experiments.shared.results import Results
from zfnet.report import Page, charts

LEAD = (
    "The paper's trends, measured where the truth about every image is known, once for each of "
    "several seeds; a trend that does not hold is shown as such."
)
HOW = (
    "An estimate is the mean over the seeds with its 95 % interval by Student's t. Above zero the "
    "claim holds, below it does not; where zero lies in the interval the seeds cannot tell. Each "
    "line is judged by itself: of {count} lines one in forty would be called held, and as many not "
    "held, were there nothing to find."
)
CHART = "Estimates with their 95 % intervals; a dot per seed. Right of zero the claim holds."
HEADER = ("trend", "measured", "estimate", "unit", "verdict")
COLUMNS = ("trend", "measured", "seeds", "mean", "interval_half", "unit", "verdict")
TINT: dict[Verdict, str] = {
    "holds": charts.COLOURS[1], "does not hold": charts.COLOURS[0],
    "cannot be told": charts.COLOURS[6],
}  # fmt: skip


def write_checks(found: Iterable[list[Checked]], planned: int, results: Results) -> Path:
    """Page, chart, check.csv and check.json, rewritten after each of `planned` trends.

    found: the results so far, as `measure.check` yields them. Returns the page's path.
    """
    page = results.out
    for checked in found:
        results.numbers(trends=[_numbers(one) for one in checked])
        results.table("check", COLUMNS, _lines(checked))
        page = results.write(_page(checked, planned, results))
    return page


def _numbers(one: Checked) -> dict[str, object]:
    return {
        "trend": one.trend.name,
        "paper": one.trend.where,
        "claim": one.trend.claim,
        "not_measured_because": one.reason or None,
        "measured": {
            label: {**claim.as_json(), "sentence": claim.sentence()}
            for label, claim in one.claims.items()
        },
    }


def _lines(checked: Sequence[Checked]) -> Iterator[list[object]]:
    for one, label, claim in _each(checked):
        e = claim.estimate
        yield [one.trend.name, label, e.count, e.mean, e.half, claim.unit, claim.verdict]


def _each(checked: Sequence[Checked]) -> Iterator[tuple[Checked, str, Claim]]:
    return ((one, label, claim) for one in checked for label, claim in one.claims.items())


def _page(checked: Sequence[Checked], planned: int, results: Results) -> Page:
    lines = list(_each(checked))
    verdicts = [claim.verdict for _, _, claim in lines]
    done = str(len(checked)) if len(checked) == planned else f"{len(checked)} of {planned}"
    facts = [("trends", done), *((verdict, str(verdicts.count(verdict))) for verdict in TINT)]
    page = results.page("Do the paper's trends hold?", LEAD, facts)
    section = page.section("All trends", HOW.format(count=len(lines)))
    section.table(HEADER, _rows(checked))
    if lines:
        figure = results.chart("check", _chart([one for one in checked if one.claims]))
        section.figure(figure, CHART, "Estimates of every trend with their intervals")
    for one in checked:
        section = page.section(f"{one.trend.claim} ({one.trend.where})", one.trend.how)
        if one.reason:
            section.paragraph(f"Not measured: {one.reason}.")
    return page


def _rows(checked: Sequence[Checked]) -> Iterator[list[str]]:
    for one in checked:
        for label, claim in one.claims.items():
            yield [one.trend.name, label, claim.estimate.text(2), claim.unit, claim.verdict]
        if one.reason:
            yield [one.trend.name, "–", "–", "–", "not measured"]


def _chart(checked: Sequence[Checked]) -> Figure:
    """A panel for each trend, with its own unit; its height is proportional to its lines."""
    heights = [len(one.claims) + 1.5 for one in checked]
    figure = Figure((7.6, 0.8 + 0.3 * sum(heights)), layout="constrained")
    panels = figure.subplots(len(checked), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axes, one in zip(panels, checked, strict=True):
        _panel(axes, one)
    return figure


def _panel(axes: Axes, one: Checked) -> None:
    for place, claim in enumerate(one.claims.values()):
        found, colour = claim.estimate, TINT[claim.verdict]
        axes.plot(claim.differences, [place] * found.count, ".", color=colour, alpha=0.35)
        axes.errorbar(found.mean, place, xerr=found.half, fmt="o", color=colour, capsize=3)
    axes.axvline(0, color=charts.TEXT, linewidth=1)
    axes.set_yticks(range(len(one.claims)), list(one.claims))
    axes.set_ylim(len(one.claims) - 0.5, -0.5)
    charts.style_axes(axes, one.trend.claim, one.trend.unit)
    axes.grid(visible=False)
