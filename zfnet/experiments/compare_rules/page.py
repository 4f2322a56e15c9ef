"""Page of `zfnet compare-rules`: a table for all questions, pictures, and a section a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zfnet.experiments.compare_rules import drawing, sentences, tables, tiles
from zfnet.experiments.compare_rules.setting import Setting
from zfnet.experiments.compare_rules.summary import Comparison, Order, Which
from zfnet.experiments.shared.results import Results
from zfnet.report import Page
from zfnet.report.markup import Picture
from zfnet.report.numbers import percent
from zfnet.report.page import Section

LEAD = (
    "A picture of what a network looks at may show the network, or no more than the image. "
    "{rules} methods on {images}: do their pictures name the pixels that the answer needs, and do "
    "they change when what the network learned is taken away?"
)
SAME = "centre"
"""The baseline whose map is the same for every image."""
GOOD = {"deletion": "small is good", "insertion": "large is good"}
MEASURES = {
    "absolute": "Rank correlation, absolute values",
    "signed": "Rank correlation, with signs",
    "ssim": "Structural similarity (SSIM)",
    "hog": "Correlation of oriented gradients (HOG)",
}


@dataclass(frozen=True, eq=False)
class Shown:
    """An image on the page: its class by the network, (S,S,3) uint8, and its map by method."""

    title: str
    name: str
    probability: float
    picture: np.ndarray
    maps: Mapping[str, np.ndarray]


def write_page(
    comparison: Comparison,
    setting: Setting,
    shown: Sequence[Shown],
    left_out: Mapping[str, str],
    results: Results,
) -> Path:
    """Numbers, tables, charts and the page of the images so far; returns the page's path."""
    results.numbers(**comparison.as_json(), left_out=dict(left_out))
    results.table("methods", tables.COLUMNS, tables.rows(comparison))
    page = _page(comparison, results)
    _add_summary(page, comparison, left_out, results)
    _add_pictures(page, comparison, shown)
    _add_curves(page, comparison, setting, results)
    _add_randomisation(page, comparison, results)
    _add_pointing(page, comparison, setting, results)
    return results.write(page)


def _page(comparison: Comparison, results: Results) -> Page:
    count = len(comparison.images)
    images = f"{count} image{'s' if count != 1 else ''}"
    if count < comparison.asked:
        images = f"{images} of {comparison.asked} so far"
    checked = len(comparison.checked(comparison.rules[0]))
    facts = [("methods", str(len(comparison.rules))), ("images", str(count))]
    facts += [("of them with random weights", str(checked))] if checked else []
    lead = LEAD.format(rules=len(comparison.rules), images=images)
    return results.page("Do the pictures say anything?", lead, facts)


def _add_summary(
    page: Page, comparison: Comparison, left_out: Mapping[str, str], results: Results
) -> None:
    section = page.section("In short", sentences.short(comparison))
    section.table(tables.header(comparison), tables.shown(comparison))
    section.paragraph(sentences.reading(comparison))
    if comparison.pointing(comparison.rules[0]) is None:
        section.paragraph(sentences.NO_BOXES)
    if left_out:
        section.paragraph(sentences.left_out(left_out))


def _add_pictures(page: Page, comparison: Comparison, shown: Sequence[Shown]) -> None:
    if not shown:
        return
    section = page.section("The pictures", sentences.PICTURES)
    signed = [name for name in comparison.names if tiles.is_signed(name)]
    sizes = [name for name in comparison.names if name != SAME and not tiles.is_signed(name)]
    bars = [("0 to the largest: " + ", ".join(f"`{n}`" for n in sizes), sizes)]
    if signed:
        named = ", ".join(f"`{n}`" for n in signed)
        bars.append((f"against the class (blue), 0 (white), for it (red): {named}", signed))
    for text, names in bars:
        section.figure(
            tiles.scale_bar(names[0]), text, f"colour scale of {', '.join(names)}",
            pixelated=False, width=360,
        )  # fmt: skip
    for one in shown:
        section.subheading(f"{one.title}: {one.name}, {percent(one.probability)}")
        pictures = [(tiles.enlarged(one.picture), "the image")]
        maps = {name: map for name, map in one.maps.items() if name != SAME}
        pictures += [(tiles.tile(name, map), f"`{name}`") for name, map in maps.items()]
        section.gallery(pictures, width=170)


def _add_curves(page: Page, comparison: Comparison, setting: Setting, results: Results) -> None:
    heading = "Do they name the pixels that the answer needs?"
    section = page.section(heading, sentences.curves(setting))
    both: tuple[Which, ...] = ("deletion", "insertion")
    areas: list[tuple[Picture, str]] = []
    lines: list[tuple[Picture, str]] = []
    for which in both:
        section.paragraph(sentences.ranking(comparison, which))
        title = f"Area under the {which} curve"
        found = {name: comparison.area(name, which) for name in comparison.ranked(which)}
        drawn = drawing.means(found, title, GOOD[which])
        areas.append((results.chart(f"{which}-areas", drawn), f"{title}, by method"))
        drawn = drawing.curves(comparison, which)
        alt = f"Probability of the class by the share of pixels, {which}"
        lines.append((results.chart(f"{which}-curves", drawn), alt))
    section.side_by_side(areas, sentences.AREAS)
    section.side_by_side(lines, "The mean of all images' curves.")
    _add_key(section, comparison.names, results, "curves-key")
    section.subheading("Differences, image by image").paragraph(sentences.DIFFERENCES)
    section.table(tables.DIFFERENCES, tables.differences(comparison))


def _add_randomisation(page: Page, comparison: Comparison, results: Results) -> None:
    checked = len(comparison.checked(comparison.rules[0]))
    if not checked:
        return
    heading = "Do they show the network, or the image?"
    section = page.section(heading, sentences.randomisation(comparison, checked))
    section.table(tables.LIKENESS, tables.likeness(comparison))
    section.paragraph(sentences.VERDICTS)
    orders: tuple[tuple[Order, str, str], ...] = (
        ("cascade", "From the top down", sentences.CASCADE),
        ("independent", "One layer alone", sentences.ALONE),
    )
    for order, heading, caption in orders:
        drawn: list[tuple[Picture, str]] = []
        for measure, title in MEASURES.items():
            chart = drawing.by_level(comparison, order, measure, title)
            alt = f"{title} by randomised layers, {heading.lower()}"
            drawn.append((results.chart(f"{order}-{measure}", chart), alt))
        section.subheading(heading).side_by_side(drawn, caption)
        drawn_names = [name for name in comparison.names if name != SAME]
        _add_key(section, drawn_names, results, f"{order}-key")


def _add_pointing(page: Page, comparison: Comparison, setting: Setting, results: Results) -> None:
    played = comparison.pointing(comparison.rules[0])
    if played is None:
        return
    section = page.section("Do they point at the object?", sentences.pointing(comparison, setting))
    drawn = results.chart("pointing", drawing.means(
        tables.rates(comparison), "Share of hits", "share of images",
        beside=dict.fromkeys(comparison.names, played.chance),
    ))  # fmt: skip
    section.figure(
        drawn, "Wilson's 95 % interval; the tick is the share of a random place.",
        "Share of hits by method", pixelated=False,
    )  # fmt: skip


def _add_key(section: Section, names: Sequence[str], results: Results, file: str) -> None:
    """The lines of these methods, for the charts above it."""
    drawn = results.chart(file, drawing.key(names))
    section.figure(drawn, "", "The lines of the methods", pixelated=False)
