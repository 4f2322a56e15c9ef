"""Tests of docs/rules.md: its session runs as it says."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "rules.md").read_text("utf-8")


def test_the_session_on_the_page_runs_as_it_says() -> None:
    (session,) = re.findall(r"```python\n(>>>.*?)```", PAGE, flags=re.DOTALL)
    test = doctest.DocTestParser().get_doctest(session, {}, "rules.md", None, 0)
    assert len(test.examples) > 5
    assert doctest.DocTestRunner().run(test).failed == 0
