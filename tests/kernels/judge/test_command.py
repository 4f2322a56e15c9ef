"""`python -m kernels judge`: exit statuses, reports, and times by the judge's clock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kernels.judge.guests import convolution
from tests.kernels.test_catalogue import kernels_command

LAYER = ("--geometry", "N=1 C=3 H=9 W=8 K=4 R=3 S=3 stride=1 padding=1", "--profile", "few")
FILES = {
    "right": (convolution("", "print('hello')\nreturn right(x, w, g, bias)"), 0),
    "wrong": (convolution("", "return right(x, w, g, bias) * 1.001"), 1),
    "unread": ("def f(:", 2),
}


@pytest.mark.parametrize("name", FILES)
def test_the_exit_status_is_the_verdict_and_the_report_says_the_same(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text, status = FILES[name]
    file, report = tmp_path / "guest.py", tmp_path / "report.json"
    file.write_text(text, encoding="utf-8")
    asked = ("judge", str(file), *LAYER, "--json", str(report))
    assert kernels_command(monkeypatch, *asked) == status
    printed = capsys.readouterr().out
    table = json.loads(report.read_text(encoding="utf-8"))
    assert table["exit_status"] == status
    assert f"verdict: {('right', 'wrong', 'not judged')[status]}" in printed
    if name == "right":
        laws = {p["name"]: p["verdict"] for p in table["kernels"][0]["properties"]}
        assert laws["global state"] == laws["own work"] == "holds"
        assert printed.index("hello") > printed.index("all hold")
    if name == "wrong":
        assert "opened(" in printed  # the program that repeats it begins a process too


def test_a_file_is_found_by_its_path_from_the_folder_of_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wrong.py").write_text(FILES["wrong"][0], encoding="utf-8")
    assert kernels_command(monkeypatch, "judge", "wrong.py", *LAYER, "--first") == 1
    assert kernels_command(monkeypatch, "judge", "missing.py", *LAYER) == 2
    assert "missing.py does not import" in capsys.readouterr().out


def test_only_what_is_right_is_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, report = tmp_path / "guest.py", tmp_path / "report.json"
    file.write_text(FILES["right"][0], encoding="utf-8")
    asked = ("judge", str(file), *LAYER, "--bench", "--json", str(report))
    assert kernels_command(monkeypatch, *asked) == 0
    (timing,) = json.loads(report.read_text(encoding="utf-8"))["timings"]
    assert timing["wall"] > 0 and timing["turns"] >= 12 and not timing["wrong"]
    file.write_text(FILES["wrong"][0], encoding="utf-8")
    assert kernels_command(monkeypatch, *asked) == 1
    assert "no times" in capsys.readouterr().out


def test_a_folder_is_judged_file_by_file_and_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, record = tmp_path / "kernels", tmp_path / "record.json"
    folder.mkdir()
    (folder / "wrong.py").write_text(FILES["wrong"][0], encoding="utf-8")
    asked = ("judge", str(folder), *LAYER, "--expect", "bad", "--resume", str(record))
    assert kernels_command(monkeypatch, *asked) == 0
    assert "1 caught" in capsys.readouterr().out
    assert kernels_command(monkeypatch, *asked) == 0
    assert "1 of 1 files are in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--profile", "many"), "--profile must be one of"),
        (("--jobs", "2"), "belong to a folder"),
        (("--layer", "nowhere.conv1"), "no layer"),
    ],
)
def test_a_wrong_option_is_a_sentence(
    options: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "guest.py"
    file.write_text(FILES["right"][0], encoding="utf-8")
    assert kernels_command(monkeypatch, "judge", str(file), *options) == 2
    assert said in capsys.readouterr().err
