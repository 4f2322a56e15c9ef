"""The command of all trials: what it records, what it resumes, and its exit status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.promises import __main__ as command
from tests.promises.part import Part, Trial, drawn

pytestmark = pytest.mark.quick


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The cases that were judged, of a part of forty; "7" breaks a promise, "8" the harness."""
    judged: list[str] = []

    def judge(case: str) -> list[str]:
        judged.append(case)
        if case == "8":
            raise OSError("no more processes")
        return ["it hangs"] if case == "7" else []

    @contextmanager
    def opened(folder: Path) -> Iterator[Trial]:
        assert folder.is_dir()
        yield Trial([str(number) for number in range(40)], judge)

    monkeypatch.setattr(command, "PARTS", {"numbers": Part("numbers", "numbers", opened)})
    return judged


def test_every_case_is_tried_once_and_what_is_broken_is_said(
    tried: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--only", "numbers", "--out", str(tmp_path)]) == 1
    assert sorted(tried, key=int) == [str(number) for number in range(40)]
    (file,) = tmp_path.glob("results-*.jsonl")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    broken = {line["case"]: line["broken"] for line in lines if line["broken"]}
    assert broken["numbers 7"] == ["it hangs"]
    assert broken["numbers 8"] == ["could not be judged: OSError('no more processes')"]
    said = capsys.readouterr().out
    assert "numbers 7: it hangs" in said and str(file) in said and "broken in 2 cases" in said


def test_begun_again_it_tries_what_is_left_and_remembers_what_was_broken(
    tried: list[str], tmp_path: Path
) -> None:
    command.main(["--only", "numbers", "--out", str(tmp_path)])
    (file,) = tmp_path.glob("results-*.jsonl")
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:-5]))
    tried.clear()
    assert command.main(["--only", "numbers", "--out", str(tmp_path)]) == 1
    assert {f"numbers {case}" for case in tried} == {json.loads(x)["case"] for x in lines[-5:]}


def test_one_case_is_tried_whatever_its_last_result(tried: list[str], tmp_path: Path) -> None:
    for _ in range(2):
        assert command.main(["--only", "numbers", "--case", "9", "--out", str(tmp_path)]) == 0
    assert tried == ["9", "9"]


def test_an_unknown_part_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--only", "faults,nothing"])
    assert ended.value.code == 2
    assert "no part nothing" in capsys.readouterr().err


def test_a_seed_draws_the_same_cases() -> None:
    cases = [str(number) for number in range(100)]
    assert drawn(cases, 5, 3) == drawn(cases, 5, 3) != drawn(cases, 5, 4)
    assert len(set(drawn(cases, 5, 3))) == 5 and drawn(cases, 200) != cases
