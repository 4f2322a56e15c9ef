"""Tests of the comparison of two results, and of what the turns of a run have beside them."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import counters
from bench.busy import busy_processes
from bench.cases import Case, Contender
from bench.compare import changes_of, interval
from bench.processes import Setting, start
from bench.records import read_json, write_json
from bench.rows import Row
from bench.tables import counters_table
from tests.bench.test_bench import MACHINE, TINY, row
from tests.bench.test_bench_command import bench

RNG = np.random.default_rng(4)
ENGINE = Contender("torch", "NHWC")


def times(median: float, spread: float = 0.01, count: int = 25) -> tuple[float, ...]:
    return tuple(median * (1 + spread * RNG.standard_normal(count)))


def record(ours: tuple[float, ...], engine: tuple[float, ...] = ()) -> list[Row]:
    rows = [row("a", *ours)]
    return rows + [replace(rows[0], contender=ENGINE, seconds=engine)] * bool(engine)


def verdict(before: list[Row], after: list[Row]) -> str:
    (change,) = changes_of((before, MACHINE), (after, MACHINE))
    return change.verdict(0.02)


def test_what_is_beyond_the_noise_is_slower_or_faster() -> None:
    assert verdict(record(times(1.0)), record(times(1.0))) == "same"
    assert verdict(record(times(1.0)), record(times(1.1))) == "slower"
    assert verdict(record(times(1.1)), record(times(1.0))) == "faster"


def test_a_difference_within_the_noise_is_none() -> None:
    assert verdict(record(times(1.0, 0.3, 9)), record(times(1.05, 0.3, 9))) == "same"


def test_few_rounds_show_nothing() -> None:
    assert verdict(record((1.0, 1.0)), record((9.0, 9.0))) == "too few rounds"


def test_what_slowed_the_whole_machine_is_no_change_of_ours() -> None:
    before, after = record(times(1.0), times(2.0)), record(times(1.5), times(3.0))
    assert verdict(before, after) == "same"
    assert verdict(before, record(times(1.5), times(2.0))) == "slower"


def test_an_interval_covers_the_ratio_as_often_as_it_says() -> None:
    rng, covered = np.random.default_rng(0), 0
    for _ in range(200):
        before, after = (mean + 0.05 * rng.standard_normal(25) for mean in (1.0, 1.2))
        found = interval(rng, before, after)
        covered += found.low <= 1.2 <= found.high
    assert covered >= 180


def files(folder: Path, *records: list[Row]) -> list[Path]:
    paths = [folder / f"{number}.json" for number in range(len(records))]
    for path, rows in zip(paths, records, strict=True):
        write_json(path, rows, MACHINE)
    return paths


def test_the_command_fails_where_something_is_slower_and_is_asked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = files(tmp_path, record(times(1.0)), record(times(1.2)))
    assert bench(monkeypatch, "compare", before, after) == 0
    printed = capsys.readouterr().out
    assert "slower" in printed and "conv2d tiny.conv, batch 1" in printed
    assert bench(monkeypatch, "compare", before, after, "--fail") == 1
    assert bench(monkeypatch, "compare", after, before, "--fail") == 0
    assert bench(monkeypatch, "compare", before, before, "--fail") == 0
    assert bench(monkeypatch, "compare", before, after, "--fail", "--tolerance", "0.5") == 0


def test_two_machines_are_not_compared_unless_asked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = files(tmp_path, record(times(1.0)), record(times(1.0)))
    write_json(after, record(times(1.0)), replace(MACHINE, threads=1))
    assert bench(monkeypatch, "compare", before, after) == 2
    assert "threads 2, not 1" in capsys.readouterr().err
    assert bench(monkeypatch, "compare", before, after, "--anyway") == 0


@pytest.mark.parametrize("content", ["", "{}", '{"format": "minidl bench 2"}'])
def test_a_file_that_is_no_result_is_one_line_and_status_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: str,
) -> None:
    (tmp_path / "a.json").write_text(content)
    assert bench(monkeypatch, "compare", tmp_path / "a.json", tmp_path / "a.json") == 2
    assert capsys.readouterr().err.count("\n") == 1


def comes_true(condition: Callable[[], object]) -> None:
    """Wait for what the system does soon: a loaded machine runs a process, or stops it, later."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it has not come true in a minute"
        time.sleep(0.01)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_others_are_stopped_while_a_contender_computes() -> None:
    case = Case("conv2d", TINY, 1)
    those = [Contender("kernels", name) for name in ("im2col", "loops")]
    with start(case, those, Setting(1)) as processes:
        for contender in those:
            assert processes.ask(contender, "time 1 1") is not None
            (other,) = set(those) - {contender}
            stat = Path(f"/proc/{processes.workers[other]._process.pid}/stat")
            comes_true(lambda stat=stat: stat.read_text().rpartition(")")[2].split()[0] == "T")


def test_a_signal_to_all_processes_of_a_run_leaves_the_contenders_to_their_parent() -> None:
    contender = Contender("kernels", "im2col")
    with start(Case("conv2d", TINY, 1), [contender], Setting(1)) as processes:
        for number in (signal.SIGINT, signal.SIGTERM):
            processes.workers[contender].signal(number)
        assert processes.ask(contender, "time 1 1") is not None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_busy_process_computes_until_the_end() -> None:
    def found() -> list[Path]:
        return [path for path in Path("/proc").glob("[0-9]*/cmdline") if _is_busy(path)]

    with busy_processes(1):
        comes_true(found)
        those = found()
    assert not any(path.exists() and _is_busy(path) for path in those)


def _is_busy(path: Path) -> bool:
    try:
        return b"it ends with the benchmark" in path.read_bytes()
    except OSError:
        return False


def test_events_of_all_threads_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock of a thread, a counter that the system keeps itself, in nanoseconds."""
    clock = dict.fromkeys(counters.EVENTS, (1, 1))
    monkeypatch.setattr(counters, "EVENTS", clock)
    try:
        found = counters.counted(lambda: sum(range(300_000)), 3)
    except counters.NotCounted as error:
        pytest.skip(str(error))
    assert 1e5 < found.cycles < 1e9
    assert found.per_cycle == pytest.approx(1, rel=0.5)


def test_a_system_without_counters_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "EVENTS", dict.fromkeys(counters.EVENTS, (0, 99)))
    assert "hardware counters" in counters.reason()
    monkeypatch.setattr(counters, "CALLS", {})
    assert counters.reason().startswith("hardware counters are read on Linux alone")


def test_counted_events_have_a_table_and_are_kept_in_the_file(tmp_path: Path) -> None:
    counts = counters.Counts(cycles=2e6, instructions=5e6, cache_misses=1234.0)
    counted = replace(row("a", 1.0), counts=counts)
    table = counters_table([counted, row("b", 1.0)])
    assert table is not None
    shown = [str(next(iter(column.cells))) for column in table.columns]
    assert shown[2:] == ["5e+06", "2.50", "1.23e+03"]
    assert counters_table([row("b", 1.0)]) is None
    write_json(tmp_path / "rows.json", [counted], MACHINE)
    (read,), _ = read_json([tmp_path / "rows.json"])
    assert read.counts == counts
