"""Tests of the benchmark's commands: output, files, and error messages."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench import cli, machine, pick, run
from bench.cases import Case
from bench.contenders import libraries
from bench.rows import Row
from bench.selection import QUICK, cases, operations, quick
from bench.tables import BEGIN, END
from kernels import named
from tests.bench.test_bench import MACHINE, TINY, row


def bench(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit status of `python -m bench ARGUMENTS`."""
    monkeypatch.setattr(sys, "argv", ["bench", *map(str, arguments)])
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_a_run_prints_and_writes_what_it_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers, page = tmp_path / "rows.json", tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}\n")
    monkeypatch.setattr(machine, "measure", lambda: MACHINE)
    selected = ["--layer", "zfnet.conv5", "--kernel", "im2col", "--batch", "1", "--op", "conv2d"]
    written = ["--json", numbers, "--markdown", page]
    assert bench(monkeypatch, *selected, *written, "--rounds", "1", "--against", "none") == 0
    (found,) = json.loads(numbers.read_text())["rows"]
    assert found["seconds"] == [found["median"]]
    assert "| zfnet.conv5 | conv2d | 1 | im2col |" in page.read_text()
    printed = capsys.readouterr().out
    assert "zfnet.conv5" in printed
    assert str(numbers) in printed


@pytest.fixture
def known_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "measure", lambda: MACHINE)


def test_a_quick_run_has_one_of_each_kind() -> None:
    selected = quick([], [1])
    assert [(case.operation, case.layer.title) for case in selected] == list(QUICK)
    assert all(selected.values())


@pytest.mark.skipif(not find_spec("torch"), reason="PyTorch is not installed")
@pytest.mark.usefixtures("known_machine")
def test_a_slice_of_the_quick_run_finds_every_result_right(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Convolution, pooling and a training step, each contender in a process of its own."""
    monkeypatch.setattr("bench.selection.QUICK", (QUICK[2], QUICK[3], QUICK[-1]))
    assert bench(monkeypatch, "--quick", "--rounds", "1", "--against", "torch") == 0
    printed = capsys.readouterr().out
    assert all(operation in printed for operation in ("conv2d_wgrad", "max_pool2d", "zfnet_step"))
    assert printed.count("torch") >= 3


@pytest.mark.usefixtures("known_machine")
def test_ctrl_c_shows_what_was_measured_so_far(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pressed(case: Case, *rest: object) -> list[Row]:
        signal.raise_signal(signal.SIGINT)
        return [replace(row("a", 1.0), case=case)]

    monkeypatch.setattr(run, "measure", pressed)
    selected = ["--op", "conv2d", "--layer", "zfnet", "--batch", "1", "--against", "none"]
    assert bench(monkeypatch, *selected) == 130
    printed = capsys.readouterr().out
    assert "zfnet.conv1" in printed
    assert "zfnet.conv2" not in printed


@pytest.mark.usefixtures("known_machine")
def test_pick_shows_the_chosen_and_the_best_kernel(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pick, "draw", lambda sample, seed: [Case("conv2d", TINY, 1)] * sample)
    assert bench(monkeypatch, "pick", "--sample", "1", "--rounds", "1") == 0
    assert "1 geometries: the chosen kernel is within" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        (["--layer", "zfnet.conv9"], "vgg16.conv5_1"),
        (["--layer", "zfnet.conv5", "--op", "max_pool2d"], "zfnet.pool5"),
        (["--kernel", "im2col", "--op", "zfnet_step"], "minidl"),
        (["--kernel", "quick"], "im2col"),
        (["--kernel", "winograd", "--layer", "zfnet.conv1"], "zfnet.conv1"),
        (["--op", "conv3d"], "zfnet_step"),
        (["--batch", "1,none"], "1,none"),
        (["--against", "pencil"], "onnxruntime"),
        (["--threads", "100000"], "100000"),
        (["nowhere/mine.py"], "nowhere/mine.py"),
        (["--markdown", __file__], "<!-- bench -->"),
    ],
)
def test_an_error_of_the_user_is_one_line_and_status_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wrong: list[str],
    shown: str,
) -> None:
    assert bench(monkeypatch, "--quick", *wrong) == 2
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert shown in printed.err
    assert "measuring" not in printed.out


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("", "JSONDecodeError"),
        ("[]", "TypeError"),
        ('{"format": "other"}', "other"),
        ('{"format": "minidl bench 1", "rows": [{}]}', "KeyError"),
        ('{"format": "minidl bench 1", "rows": [], "machine": {"copies": []}}', "processor"),
    ],
)
def test_a_file_that_is_no_record_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    written: str,
    shown: str,
) -> None:
    file = tmp_path / "rows.json"
    file.write_text(written)
    assert bench(monkeypatch, "report", "--json", file, "--out", tmp_path / "out") == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "rows.json" in printed
    assert shown in printed


@pytest.mark.parametrize("arguments", [["--json", "nowhere.json"], ["--readme", __file__]])
def test_a_report_names_the_file_that_does_not_fit(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    assert bench(monkeypatch, "report", "--out", tmp_path / "out", *arguments) == 2
    assert Path(arguments[1]).name in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install onnx onnxruntime, or --against none"):
        libraries(["onnxruntime"])
    assert libraries(None) == []


def test_a_users_kernel_is_timed_wherever_its_operation_is_needed() -> None:
    assert operations(None, [named("max_unpool2d", "scatter")]) == [
        "max_pool2d_vjp",
        "max_unpool2d",
    ]


def test_a_kernel_is_timed_on_those_operations_that_have_it() -> None:
    found = cases(["conv2d", "conv2d_dgrad"], ["tiny"], [1], ["col2im"], [], [TINY])
    assert [case.operation for case in found] == ["conv2d_dgrad"]
