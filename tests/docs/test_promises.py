"""Tests of docs/promises.md: every promise names its tests, and the tests exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.promises.__main__ import PARTS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
pytestmark = pytest.mark.quick


def promises() -> list[str]:
    """The items of the page's lists of promises: those that begin in bold."""
    return re.findall(r"^- \*\*.*$", PAGE, flags=re.MULTILINE)


def functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_promise_names_a_test() -> None:
    assert len(promises()) >= 20
    assert [each for each in promises() if not TEST.search(each)] == []


@pytest.mark.parametrize(("file", "name"), sorted(set(TEST.findall(PAGE))))
def test_every_test_that_the_page_names_exists(file: str, name: str) -> None:
    assert (ROOT / file).is_file(), file
    assert name in functions(ROOT / file)


def test_the_page_names_tests_only_in_this_way() -> None:
    """A name in another form would not be looked for."""
    assert len(re.findall(r"\btest_\w+", TEST.sub("", PAGE))) == 0


def test_the_commands_parts_are_those_of_the_page() -> None:
    named = re.findall(r"--only ([\w,]+)", PAGE)
    assert set(",".join(named).split(",")) <= set(PARTS)
