"""What the benchmark makes of its rows: records, tables, pictures, choices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench import pick
from bench.cases import Case
from bench.records import read_json, write_json
from bench.report import table, write_report
from bench.rows import Row
from bench.tables import BEGIN, END, LEGEND, write_table
from tests.bench.test_bench import MACHINE, TINY, row


@pytest.fixture
def measured() -> list[Row]:
    """Two of ours, of which the slower one is chosen by itself, and PyTorch in both layouts."""
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
    write_json(files[1], [row("a", 2.0)], replace(MACHINE, matmul_gflops=50.0))
    rows, machine = read_json(files)
    assert (rows, machine) == ([other, row("a", 2.0)], replace(MACHINE, runs=2))
    assert "Limits, the highest of 2 runs: " in machine.summary
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


def test_the_least_time_is_the_higher_of_two_roofs() -> None:
    assert MACHINE.limit(operations=10**11, moved=1 << 20) == 1.0
    assert MACHINE.limit(operations=1, moved=1 << 30) == (1 << 30) / 10e9
    assert MACHINE.limit(operations=1, moved=1 << 21) == (1 << 21) / 40e9


def test_drawn_geometries_are_the_same_for_the_same_seed() -> None:
    some = pick.draw(9, seed=4)
    assert some == pick.draw(9, seed=4) != pick.draw(9, seed=5)
    assert [case.operation for case in some[:3]] == list(pick.OPERATIONS)


def test_a_choice_costs_what_it_takes_longer_than_the_best(measured: list[Row]) -> None:
    (choice,) = pick.compare([r for r in measured if r.contender.ours])
    assert (choice.picked.contender.name, choice.best.contender.name) == ("slow", "fast")
    assert choice.cost == 2.0
    assert "within 20% of the best on 0%" in pick.summary([choice])
