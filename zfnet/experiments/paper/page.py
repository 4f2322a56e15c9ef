"""Page of `zfnet paper`: claims, findings, and the page of every experiment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from zfnet.experiments.paper.parts import PARTS, Part
from zfnet.experiments.paper.runner import Outcome, Outcomes
from zfnet.experiments.shared.results import Results
from zfnet.report import Page, Section

LEAD = (
    "Every figure and table of “Visualizing and Understanding Convolutional Networks” (Zeiler, "
    "Fergus 2013) on one network and one data set, in the paper's order, with the published "
    "numbers beside ours."
)
SUMMARY = (
    "Whether what the paper claims holds here, by the intervals of what was measured; the sections "
    "below have the numbers. Several statements of one part are counted."
)
NOT_YET = "It has not been run: the command was not asked for it, or has not come to it."


def write_paper(found: Iterable[Outcomes], asked: Sequence[Part], results: Results) -> Path:
    """The report, rewritten after each outcome; returns its path.

    asked: parts that are listed even before they have been run.
    """
    page = results.out
    for outcomes in found:
        page = results.write(_page(outcomes, asked, results))
    return page


def _page(outcomes: Outcomes, asked: Sequence[Part], results: Results) -> Page:
    shown = [part for part in PARTS if part in asked or part.name in outcomes]
    done = sum(outcome.done for outcome in outcomes.values())
    facts = [("experiments done", f"{done} of {len(shown)}")]
    page = results.page("The paper's experiments", LEAD, facts)
    section = page.section("What the paper claims, and what was found", SUMMARY)
    section.table(["paper", "claim", "here"], _rows(shown, outcomes))
    for part in shown:
        add_part(
            page.section(f"{part.where}: `{part.name}`", part.claim), part,
            outcomes.get(part.name), results.out,
        )  # fmt: skip
    return page


def _rows(shown: Sequence[Part], outcomes: Outcomes) -> Iterator[list[str]]:
    for part in shown:
        outcome = outcomes.get(part.name)
        yield [part.where, part.claim, outcome.summary() if outcome else "not run yet"]


def add_part(section: Section, part: Part, outcome: Outcome | None, out: Path) -> None:
    """The page of a part from its folder, or the reason why there is none."""
    if outcome is None:
        section.paragraph(NOT_YET)
    elif not outcome.done:
        section.paragraph(f"Not run: {outcome.reason}.")
    else:
        section.paragraph(f"As `zfnet {part.command}` wrote it into the folder `{part.name}`.")
        section.include(out / part.name / "index.html")
