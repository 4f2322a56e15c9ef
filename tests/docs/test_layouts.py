"""Tests of docs/layouts.md: its sessions run as printed, and its links exist."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "layouts.md").read_text(encoding="utf-8")
SECTIONS = re.findall(r"^## (.*)$", PAGE, flags=re.MULTILINE)


def test_every_session_runs_as_it_is_printed() -> None:
    report: list[str] = []
    # doctest would read a fence as part of the output above it.
    sessions = re.sub(r"^```.*$", "", PAGE, flags=re.MULTILINE)
    test = doctest.DocTestParser().get_doctest(sessions, {}, "layouts.md", None, 0)
    results = doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert results.attempted > 60
    assert results.failed == 0, "".join(report)


def _anchor(section: str) -> str:
    """The anchor of a heading, as GitHub derives it."""
    return re.sub(r"[^\w -]", "", section.lower()).replace(" ", "-")


def test_the_table_leads_to_every_layout() -> None:
    assert re.findall(r"\]\(#([^)]+)\)", PAGE) == [_anchor(section) for section in SECTIONS]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_layout_has_a_formula_a_session_and_says_who_writes_and_reads_it(
    section: str,
) -> None:
    text = PAGE.split(f"## {section}\n")[1].split("\n## ")[0]
    assert re.search(r"^    \S.*(=|offset)", text, flags=re.MULTILINE)
    assert "```python\n>>> " in text
    assert re.search(r"Written (by|and read by):", text)
    assert "Read by:" in text or "Written and read by:" in text


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", PAGE))))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (DOCS / link).exists()
