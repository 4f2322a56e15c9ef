"""The property "any threads" sets 1, 2, 3 and 8 threads, however many cores the machine has."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kernels.cli import restart
from kernels.contract import threads
from kernels.verify import PROPERTIES

WRONG = """
import numba
import numpy as np
from kernels import kernel

@kernel("relu", name="theirs")
def forward(x):
    y = np.maximum(x, 0)
    if y.size and numba.get_num_threads() == {count}:
        y.flat[-1] += 1
    return y
"""


def python(*arguments: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_NUM_THREADS"}
    environment |= {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), **more}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("count", [3, 8])
def test_a_share_that_is_lost_at_some_number_of_threads_is_found(
    count: int, tmp_path: Path
) -> None:
    (tmp_path / "theirs.py").write_text(WRONG.format(count=count), encoding="utf-8")
    done = python("-m", "kernels", "verify", "theirs.py", "--profile", "few", folder=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"with {count} threads: at" in done.stdout
    assert "does not fail" not in done.stdout, "the printed program fails again"
    program = done.stdout[done.stdout.index("import os") :]
    program = program[: re.search(r"PROPERTIES\[.*\n", program).end()]  # type: ignore[union-attr]
    again = python("-c", program, folder=tmp_path)
    assert again.returncode == 1 and f"with {count} threads" in again.stderr, again.stderr


def test_the_command_launches_what_the_properties_set_and_runs_on_the_cores(
    tmp_path: Path,
) -> None:
    assert max(law.launched for law in PROPERTIES.values()) == restart.THREADS
    code = (
        "from kernels.cli import restart; from kernels.contract import threads; from numba import "
        "config; restart.run_on_cores(); print(threads.most(), threads.get_num_threads(), "
        "config.NUMBA_DEFAULT_NUM_THREADS)"
    )
    done = python("-c", code, folder=tmp_path, NUMBA_NUM_THREADS="8")
    launched, run, cores = map(int, done.stdout.split())
    assert launched == 8 and run == min(8, cores)


@pytest.mark.parametrize(("command", "variable"), [(["list"], None), (["verify"], "2"), ([], None)])
def test_only_verify_starts_anew_and_not_against_the_users_number(
    command: list[str], variable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "execv", lambda *arguments: pytest.fail(f"starts {arguments}"))
    monkeypatch.setattr(threads, "most", lambda: 2)
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    if variable:
        monkeypatch.setenv("NUMBA_NUM_THREADS", variable)
    restart.with_threads(command)


EVERY = """
from kernels import all_kernels
from kernels.contract import threads
from kernels.verify import PROPERTIES, try_property

threads.set_num_threads(2)
for kernel in all_kernels():
    if PROPERTIES["any threads"].concerns(kernel):
        outcome = try_property(kernel, PROPERTIES["any threads"], 4, seed_=1)
        reason = outcome.failure.reason if outcome.failure else outcome.unmet
        print(kernel.operation, kernel.name, "holds" if outcome.holds else reason or "no example")
"""


def test_every_kernel_of_ours_holds_with_every_number_of_threads(tmp_path: Path) -> None:
    done = python("-c", EVERY, folder=tmp_path, NUMBA_NUM_THREADS="8")
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len(lines) >= 40, done.stderr
    assert [line for line in lines if not line.endswith(" holds")] == []
