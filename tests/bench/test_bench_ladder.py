"""Tests of `python -m bench ladder`: its table, and its error messages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import cli
from bench.cases import Case, Contender
from bench.ladder import HEADINGS, cells, lines_of, text
from bench.layers import Convolution
from bench.rows import Row
from bench.tables import BEGIN, END
from kernels.ladder.steps import PREFIX, STEPS
from tests.bench.test_bench import MACHINE

ROOT = Path(__file__).resolve().parents[2]
CASE = Case("conv2d", Convolution("zfnet", "conv3", 256, 13, 13, 384, 3, 3, padding=1), 16)


def rows() -> list[Row]:
    """Rows of every step, twice as fast as the one before, of our own kernel, and of PyTorch."""
    names = [*(PREFIX + name for name in STEPS), "winograd_tiles"]
    contenders = [Contender("kernels", name) for name in names]
    contenders += [Contender("torch", "NCHW"), Contender("torch", "NHWC")]
    return [Row(CASE, c, (2.0**-i, 2.0**-i, 3.0**-i)) for i, c in enumerate(contenders)]


def ladder(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own: it registers the steps."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "bench", "ladder", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_the_table_has_a_row_for_each_step_our_own_kernel_and_pytorch() -> None:
    found = cells(list(lines_of(rows(), CASE)), MACHINE)
    titles = [re.sub(r"\[(.*)\].*", r"\1", line[0]) for line in found]
    own = ["conv2d winograd_tiles", "PyTorch"]
    assert titles == [*(step.idea for step in STEPS.values()), *own]
    assert {len(line) for line in found} == {len(HEADINGS)}


def test_rates_are_those_of_the_operations_really_done() -> None:
    found = {line[0].partition("]")[0][1:]: dict(zip(HEADINGS, line, strict=True)) for line in
             cells(list(lines_of(rows(), CASE)), MACHINE)}  # fmt: skip
    direct = 2 * 16 * 384 * 169 * 256 * 9 / 1e9
    threads, exact = found["threads"], found["exact tiles"]
    assert threads["GFLOP/s"] == threads["effective GFLOP/s"] == f"{direct * 2**6:.1f}"
    assert exact["effective GFLOP/s"] == f"{direct * 2**9:.1f}"
    assert exact["GFLOP/s"] == f"{direct * 361 / 1521 * 2**9:.1f}"
    assert exact["share of peak"] == f"{direct * 361 / 1521 * 2**9 / MACHINE.peak_gflops:.1%}"
    assert threads["against the step before"] == "2.00"
    assert found["loops"]["against the step before"] == "-"


def test_a_step_that_failed_has_its_problem_in_the_table() -> None:
    spoilt = rows()
    spoilt[2] = Row(CASE, spoilt[2].contender, problem="WRONG: off by 3")
    found = cells(list(lines_of(spoilt, CASE)), MACHINE)
    assert found[2][2] == "WRONG"
    assert found[3][4] == "-"
    assert np.isfinite(float(found[4][4]))


def test_below_the_table_stand_the_layer_and_the_machine() -> None:
    below = text(list(lines_of(rows(), CASE)), CASE, MACHINE).rpartition("|\n\n")[2]
    assert below.startswith("zfnet.conv3, batch 16.")
    assert MACHINE.summary in below


def test_a_small_run_puts_its_table_into_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    small = ["--layer", "zfnet.conv5", "--batch", "1", "--step", "packing,exact_tiles"]
    done = ladder(*small, "--rounds", "1", "--against", "none", "--write", str(page))
    assert done.returncode == 0, done.stderr + done.stdout
    written = page.read_text()
    names = re.findall(r"kernels/(?:ladder|conv2d)/(\w+)\.py", written)
    assert names == ["packing", "exact_tiles", "winograd_tiles"]
    assert written.startswith("before\n")
    assert written.endswith("after\n")
    assert "exact tiles" in done.stdout


@pytest.mark.parametrize(
    ("mistake", "message"), [(["--step", "magic"], "im2col"), (["--layer", "zfnet.conv*"], "conv*")]
)
def test_an_error_is_one_line(
    mistake: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "ladder", *mistake])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    assert message in capsys.readouterr().err
