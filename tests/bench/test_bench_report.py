"""Tests of the benchmark's reports: records, tables, plots, choices of kernels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import machine, pick, run
from bench.cases import Case, Contender
from bench.catalogue import LAYERS, select
from bench.machine import Share
from bench.operations import OPERATIONS
from bench.records import BEFORE, read_json, write_json
from bench.report import README, for_readme, table, write_report
from bench.rows import Row
from bench.tables import BEGIN, END, LEGEND, write_table
from kernels.cpu import limits
from tests.bench.test_bench import MACHINE, TINY, row

pytestmark = pytest.mark.quick


@pytest.fixture
def measured() -> list[Row]:
    """Two kernels of ours, of which `pick` chooses the slower one, and PyTorch in both layouts."""
    rows = [row("slow", 2.0, 2.0), row("fast", 1.0, 1.0), row("wrong", problem="WRONG: off")]
    libraries = [row("NCHW", 4.0, 6.0, library="torch"), row("NHWC", 9.0, 9.0, library="torch")]
    return [replace(rows[0], picked=True), *rows[1:], *libraries]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_table_leaves_the_rest_of_its_file_untouched(tmp_path: Path, newline: str) -> None:
    file = tmp_path / "page.md"
    before, after = f"# Költség | ü{newline}", f"{newline}after{newline}{newline}"
    file.write_bytes(f"{before}{BEGIN}old{END}{after}".encode())
    for _ in range(2):
        write_table(file, [row("a", 1.0), row("b", problem="WRONG: off")], MACHINE)
        text = file.read_bytes().decode()
        assert text.startswith(before + BEGIN)
        assert text.endswith(END + after)
    assert "| tiny.conv | conv2d | 1 | a | 1.00 s | ±0% |" in text
    assert "| b | WRONG |" in text
    assert "old" not in text
    assert LEGEND in text


def test_what_was_written_is_read_back(tmp_path: Path, measured: list[Row]) -> None:
    write_json(tmp_path / "rows.json", measured, MACHINE)
    assert read_json([tmp_path / "rows.json"]) == (measured, MACHINE)


def test_of_several_files_the_last_one_to_have_a_case_counts(tmp_path: Path) -> None:
    files = [tmp_path / "old.json", tmp_path / "new.json"]
    other = replace(row("a", 5.0), case=Case("conv2d", TINY, 7))
    write_json(files[0], [row("a", 1.0), other], MACHINE)
    write_json(files[1], [row("a", 2.0)], replace(MACHINE, peak_gflops=50.0))
    rows, joined = read_json(files)
    assert (rows, joined) == ([other, row("a", 2.0)], replace(MACHINE, runs=2))
    assert "Limits, the highest of 2 runs: " in joined.summary
    assert "Limits, measured in the same run: " in MACHINE.summary


def test_files_of_two_machines_make_no_report(tmp_path: Path) -> None:
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file, threads in zip(files, (1, 2), strict=True):
        write_json(file, [row("a", 1.0)], replace(MACHINE, threads=threads))
    with pytest.raises(ValueError, match="one machine"):
        read_json(files)


def test_a_reports_row_is_what_minidl_takes(measured: list[Row]) -> None:
    text = table([r for r in measured if r.seconds], MACHINE)
    assert "| slow | 2.00 s |" in text
    assert "| 5.00 s | 2.50 ±" in text
    assert "| fast |" not in text
    assert MACHINE.date in text


def test_a_report_is_pictures_and_a_table(tmp_path: Path, measured: list[Row]) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before {BEGIN} {END} after")
    written = write_report((measured, MACHINE), tmp_path, page)
    names = ["roofline.svg", "roofline.png", "ratios-batch-1.svg", "ratios-batch-1.png"]
    assert {path.name for path in written} == {"table.md", "page.md", *names}
    assert all(path.stat().st_size > 0 for path in written)
    assert "| slow |" in page.read_text()


def test_a_share_is_of_the_nearer_of_two_limits() -> None:
    assert MACHINE.share(10**11, 1 << 20, seconds=2.0) == Share(0.5, "arithmetic")
    assert MACHINE.share(1, 1 << 30, seconds=1.0) == Share((1 << 30) / 10e9, "bandwidth")
    assert MACHINE.share(1, 1 << 21, seconds=1.0) == Share((1 << 21) / 40e9, "bandwidth")
    assert str(Share(0.256, "bandwidth")) == "26% bandwidth"


def test_a_share_is_of_the_operations_really_done_and_unknown_where_these_are() -> None:
    timed = row("a", 1.0)
    assert timed.share_of_peak(MACHINE) is None
    done = replace(timed, operations=2 * 10**10)
    assert done.share_of_peak(MACHINE) == Share(0.2, "arithmetic")
    tf32 = replace(done, contender=Contender("torch", "NCHW", tf32=True))
    assert tf32.share_of_peak(MACHINE) is None


def test_more_than_all_of_a_limit_is_shown_and_has_the_limit_measured_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [MACHINE, replace(MACHINE, peak_gflops=150.0), replace(MACHINE, peak_gflops=250.0)]
    monkeypatch.setattr(run, "_limits", lambda device: found.pop(0))
    over = replace(row("a", 1.0), operations=2 * 10**11)
    assert "| 200% arithmetic |" in table([over], MACHINE)
    limits = run.Limits("cpu")
    limits.check([over])
    assert (limits.machine.peak_gflops, limits.machine.again, found) == (250.0, 2, [])
    assert "measured 2 times more" in limits.machine.summary
    assert not run.exceeding([over], limits.machine)


def test_limits_that_stay_too_low_are_not_measured_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run, "_limits", lambda device: MACHINE)
    limits, over = run.Limits("cpu"), replace(row("a", 1.0), operations=2 * 10**11)
    limits.check([over])
    assert limits.machine.again == run.AGAIN
    assert run.exceeding([over], limits.machine) == [over]


def test_a_record_of_before_is_read_with_what_its_kernel_does_today(tmp_path: Path) -> None:
    case, file = Case("conv2d", TINY, 1), tmp_path / "rows.json"
    rows = [row("im2col", 1.0), row("NCHW", 2.0, library="torch"), row("forgotten", 1.0)]
    write_json(file, rows, MACHINE)
    document = json.loads(file.read_text())
    for each in document["rows"]:
        del each["operations"]
    for name in ("again", "product"):
        del document["machine"][name]
    document["machine"]["matmul_gflops"] = document["machine"].pop("peak_gflops")
    file.write_text(json.dumps(document | {"format": BEFORE}))
    found, measured_on = read_json([file])
    assert [r.operations for r in found] == [2 * TINY.geometry(1).macs, None, None]
    assert [r.case for r in found] == [case] * 3
    assert measured_on == replace(MACHINE, product=True)
    assert "float32 matrix product 100 GFLOP/s" in measured_on.summary
    assert "float32 arithmetic 100 GFLOP/s" in MACHINE.summary


def test_a_readme_has_the_rows_that_matter_and_at_most_twelve() -> None:
    assert len(README) <= 12
    known = {
        (name, layer.title)
        for name, its in OPERATIONS.items()
        for layer in LAYERS
        if type(layer) is its.layer
    }
    assert {(operation, layer) for operation, layer, _ in README} <= known
    operation, title, batch = README[5]
    wanted = replace(row("a", 1.0), case=Case(operation, select([title])[0], batch))
    assert for_readme([row("b", 1.0), wanted]) == [wanted]
    assert for_readme([row("b", 1.0)]) == [row("b", 1.0)]


def test_the_peak_of_arithmetic_is_the_higher_of_two_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "OFTEN", 100)
    rates = machine.matmul_rate(256), machine.micro_kernel_rate()
    assert all(np.isfinite(rates))
    assert min(rates) > 0
    monkeypatch.setattr(machine, "matmul_rate", lambda side: 3.0)
    monkeypatch.setattr(machine, "micro_kernel_rate", lambda: 5.0)
    assert machine.measure().peak_gflops == 5.0


def test_drawn_geometries_are_the_same_for_the_same_seed() -> None:
    some = pick.draw(9, seed=4)
    assert some == pick.draw(9, seed=4) != pick.draw(9, seed=5)
    assert [case.operation for case in some[:3]] == list(pick.OPERATIONS)


def test_a_choice_costs_what_it_takes_longer_than_the_best(measured: list[Row]) -> None:
    (choice,) = pick.compare([r for r in measured if r.contender.ours])
    assert (choice.picked.contender.name, choice.best.contender.name) == ("slow", "fast")
    assert choice.cost == 2.0
    assert "within 20% of the best on 0%" in pick.summary([choice])
