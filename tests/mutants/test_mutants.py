"""Planted bugs in code that is no kernel: each applies, and a few are tried."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from tests.mutants.bug import ROOT, Bug, read
from tests.mutants.hunt import hunt
from tests.mutants.page import page
from tests.mutants.tables import BUGS

PARTS = {
    "kernels: memory",
    "kernels: geometry",
    "minidl: kept weights",
    "minidl: plans",
    "minidl: writes",
    "minidl: rules",
    "minidl: fused nodes",
    "minidl: walk",
    "zfnet: receptive fields",
    "zfnet: incremental occlusion",
}
HARMLESS = """
== kernels: memory, kernels/contract/pool.py, tests/kernels/test_pool.py::test_spans_are_a_set
the same in other words
-            if left >= 0:
+            if not left < 0:
"""
CAUGHT = [
    "kernels: memory: a block of 32 MB is handed out twice",
    "kernels: memory: two arrays over 16 MB overlap by a page",
    "kernels: geometry: a window that starts one past the plane counts in ceil_mode",
]


@pytest.mark.parametrize("bug", BUGS, ids=[bug.name for bug in BUGS])
def test_a_bug_is_another_program_and_its_tests_exist(bug: Bug) -> None:
    sound = (ROOT / bug.file).read_text(encoding="utf-8")
    assert ast.dump(ast.parse(bug.source())) != ast.dump(ast.parse(sound))
    for test in bug.tests.split():
        file, _, name = test.partition("::")
        assert f"def {name}" in (ROOT / file).read_text(encoding="utf-8")


def test_every_part_has_bugs_of_its_own() -> None:
    assert {bug.part for bug in BUGS} == PARTS
    assert len({bug.name for bug in BUGS}) == len(BUGS)


def test_the_page_is_up_to_date() -> None:
    text = (ROOT / "docs" / "mutants.md").read_text(encoding="utf-8")
    assert text == page(BUGS), "python -m tests.mutants --page docs/mutants.md"


def test_a_bug_whose_lines_are_gone_says_so() -> None:
    gone = Bug("kernels: memory", "kernels/contract/pool.py", "", "a bug", "elsewhere()", "")
    with pytest.raises(ValueError, match=r"no longer applies.*0 times in kernels/contract/pool"):
        gone.source()


def test_a_bug_in_compiled_code_is_refused() -> None:
    line = "        y[i] = x[i] if not (x[i] <= 0) else 0"
    compiled = Bug("kernels: relu", "kernels/relu/elementwise.py", "", "a bug", line, line + " ")
    with pytest.raises(ValueError, match="is compiled: plant"):
        compiled.source()


@pytest.mark.parametrize("name", CAUGHT)
def test_a_bug_that_once_escaped_is_caught(name: str) -> None:
    (bug,) = (bug for bug in BUGS if bug.name == name)
    found = hunt(bug)
    assert found.caught, found.amiss
    assert found.test.startswith(bug.tests)


def test_a_harmless_change_escapes_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (bug,) = read(HARMLESS)
    found = hunt(bug)
    assert not found.caught and found.amiss == "its tests pass"
    assert os.listdir(tmp_path) == []
