"""A folder of kernels, verified file by file: outcomes, expectations, and a resumed run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from kernels.cli import app, folder
from kernels.cli.judged_file import CAUGHT, HELD, NOT_TRIED, Child, Judged, Settings

FILE = """
import os, signal, time
import numpy as np
from kernels import kernel

@kernel("relu", name="mine", cost=lambda g: 1e9)
def mine(x):
    {body}
    return np.where(x <= 0, x.dtype.type(0), x)
"""
QUICK = Settings(profile="few", first=True)


def write(place: Path, name: str, body: str = "pass") -> Path:
    file = place / f"{name}.py"
    file.write_text(FILE.format(body=body), encoding="utf-8")
    return file


def verify(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as left:
        patch.setattr(sys, "argv", ["kernels", "verify", *arguments])
        app.main()
    printed = capsys.readouterr()
    return int(left.value.code or 0), printed.out + printed.err


def judged(file: Path, settings: Settings = QUICK) -> Judged:
    return Child(file, settings).judged()


@pytest.mark.parametrize(
    ("body", "outcome", "property", "reason"),
    [
        ("x = -x", CAUGHT, "definition", "in example "),
        ("os.kill(os.getpid(), signal.SIGSEGV)", CAUGHT, "definition", "process died: SIGSEGV"),
        ("pass\n    return )", NOT_TRIED, "", "does not import: SyntaxError"),
    ],
)
def test_a_file_is_judged_in_a_process_that_it_may_crash(
    tmp_path: Path, body: str, outcome: str, property: str, reason: str
) -> None:
    found = judged(write(tmp_path, "mine", body))
    assert (found.outcome, found.property) == (outcome, property)
    assert reason in found.reason


def test_a_kernel_that_admits_nothing_is_caught(tmp_path: Path) -> None:
    file = write(tmp_path, "mine")
    file.write_text(file.read_text().replace("cost=", "supports=lambda g: False, cost="))
    found = judged(file)
    assert (found.outcome, found.property) == (CAUGHT, "")
    assert found.reason == "nothing judged: mine supports no call"


def test_a_file_that_never_ends_is_stopped(tmp_path: Path) -> None:
    settings = Settings(profile="few", limit=5)
    found = judged(write(tmp_path, "mine", "time.sleep(1000)"), settings)
    assert (found.outcome, found.reason) == (NOT_TRIED, "no end in 5 s")


def fake(outcomes: dict[str, str], seen: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the processes: the outcome of each file by its stem, without running it."""

    def result(child: Child) -> Judged:
        outcome = outcomes[child.file.stem]
        if outcome == "interrupt":
            raise KeyboardInterrupt
        seen.append(child.file.stem)
        what = ("definition", "off by 1") if outcome == CAUGHT else ("", "")
        return Judged(str(child.file), outcome, *what, 2.0, child.settings.stamp(child.file))

    monkeypatch.setattr(Child, "judged", result)


@pytest.mark.parametrize(
    ("outcomes", "expect", "status"),
    [
        ([HELD, HELD], None, 0),
        ([HELD, CAUGHT], None, 1),
        ([HELD, HELD], "good", 0),
        ([HELD, CAUGHT], "good", 1),
        ([CAUGHT, CAUGHT], "bad", 0),
        ([HELD, CAUGHT], "bad", 1),
        ([NOT_TRIED, CAUGHT], "bad", 2),
        ([NOT_TRIED, CAUGHT], None, 2),
    ],
)
def test_the_exit_status_says_whether_every_file_is_as_expected(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    outcomes: list[str],
    expect: str | None,
    status: int,
) -> None:
    names = ["a", "b"]
    for name in names:
        write(tmp_path, name)
    fake(dict(zip(names, outcomes, strict=True)), [], monkeypatch)
    options = ["--expect", expect] if expect else []
    found, printed = verify(str(tmp_path), *options, capsys=capsys)
    assert found == status
    assert "2 of 2 files: " in printed and "min left" in printed
    assert ("not as expected" in printed) == (bool(expect) and status > 0)


def test_a_run_is_resumed_from_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b", "c", "d"):
        write(tmp_path, name)
    record, seen = tmp_path / "record.json", list[str]()
    command = str(tmp_path), "--resume", str(record)
    fake({"a": HELD, "b": CAUGHT, "c": "interrupt", "d": HELD}, seen, monkeypatch)
    status, printed = verify(*command, capsys=capsys)
    assert status == 2 and f"interrupted; the same command goes on from {record}" in printed
    assert seen[:2] == ["a", "b"]
    fake({"c": NOT_TRIED, "d": HELD}, seen := [], monkeypatch)
    status, printed = verify(*command, capsys=capsys)
    assert status == 2 and "files are in" in printed and "c" in seen and "a" not in seen
    fake({"c": HELD}, seen := [], monkeypatch)
    status, printed = verify(*command, capsys=capsys)
    assert status == 1 and seen == ["c"]
    assert "4 of 4 files: 3 held, 1 caught, 0 not tried" in printed
    write(tmp_path, "b", "x = x * 1")
    fake({"b": HELD}, seen := [], monkeypatch)
    status, printed = verify(*command, capsys=capsys)
    assert status == 0 and seen == ["b"], "a file that has changed is verified again"
    fake(dict.fromkeys("abcd", HELD), seen := [], monkeypatch)
    verify(*command, "--seed", "1", capsys=capsys)
    assert sorted(seen) == ["a", "b", "c", "d"], "with other settings all are"


def test_several_files_are_verified_at_a_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        write(tmp_path, name, "x = -x")
    status, printed = verify(
        str(tmp_path), "--jobs", "2", "--expect", "bad", "--profile", "few", capsys=capsys
    )
    assert status == 0, printed
    assert "2 of 2 files: 0 held, 2 caught, 0 not tried (profile few, seed 0" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--expect", "bad"], "--resume and --expect need a folder"),
        (["--jobs", "2"], "--jobs and --limit belong to a folder"),
        (["FOLDER", "--expect", "wrong"], "--expect must be good or bad"),
        (["FOLDER"], "there is no Python file in"),
        (["FOLDER/nothing.py", "--expect", "bad"], "there is no such file or folder"),
        (["FOLDER", "--json", "report.json"], "--json and --junit are of one run"),
        (["FOLDER/file.py", "--resume", "FOLDER/other.json"], "is not a record of this command"),
    ],
)
def test_a_mistake_is_a_sentence(
    tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if "file.py" in "".join(arguments):
        write(tmp_path, "file")
        (tmp_path / "other.json").write_text(json.dumps({"a": 1}), encoding="utf-8")
    given = [argument.replace("FOLDER", str(tmp_path)) for argument in arguments]
    status, printed = verify(*given, capsys=capsys)
    assert status == 2 and message in printed and "Traceback" not in printed


def test_a_record_is_a_line_for_each_file(tmp_path: Path) -> None:
    entry = Judged("a.py", CAUGHT, "definition", "off", 1.5, "00")
    folder.write_record(tmp_path / "record.json", {"b.py": entry, "a.py": entry})
    assert len((tmp_path / "record.json").read_text(encoding="utf-8").splitlines()) == 4
    assert folder.read_record(tmp_path / "record.json") == {"a.py": entry, "b.py": entry}
