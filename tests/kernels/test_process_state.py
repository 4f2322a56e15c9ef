"""What a kernel changes of the process, or prints, beside its result."""

from __future__ import annotations

import ctypes
import os
import random
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
import pytest

from kernels import Kernel
from kernels.cli.aside import Said, aside
from kernels.contract import threads
from kernels.contract.process_state import changes, restored, state
from kernels.verify import PROPERTIES, try_property
from kernels.verify.suite import Trier

UPWARD = 0x800
"""FE_UPWARD of <fenv.h> on x86-64."""
CHANGES: dict[str, Callable[[], object]] = {
    "Python's random generator": lambda: random.seed(0),
    "NumPy's global random generator": lambda: np.random.rand(),  # noqa: NPY002
    "NumPy's print options (precision)": lambda: np.set_printoptions(precision=1),
    "NumPy's handling of errors (over)": lambda: np.seterr(over="ignore"),
    "the working directory": lambda: os.chdir("/"),
    "the environment (MINE)": lambda: os.environ.update(MINE="1"),
    "the filters of warnings": lambda: warnings.simplefilter("ignore", BytesWarning),
    "Python's limit of recursion": lambda: sys.setrecursionlimit(4321),
    "the rounding of numbers": lambda: ctypes.CDLL(None).fesetround(UPWARD),
}


def rectifier(before: Callable[[], object]) -> Kernel:
    def forward(x: np.ndarray) -> np.ndarray:
        before()
        return np.where(x <= 0, x.dtype.type(0), x)

    return Kernel("relu", "rude", "cpu", forward)


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_the_process_is_named_and_undone(what: str) -> None:
    before = state()
    outcome = try_property(rectifier(CHANGES[what]), PROPERTIES["process state"], 4)
    assert outcome.failure is not None
    assert f"a call changes {what}" in outcome.failure.reason
    assert changes(before, state()) == []


@pytest.mark.skipif(threads.most() < 2, reason="one thread is launched")
def test_a_number_of_threads_that_is_left_is_named() -> None:
    kernel = rectifier(lambda: numba.set_num_threads(1))
    outcome = try_property(kernel, PROPERTIES["process state"], 4)
    assert outcome.failure is not None
    assert "Numba's number of threads (2 to 1)" in outcome.failure.reason


def test_a_kernel_that_restores_what_it_sets_is_right() -> None:
    def politely() -> None:
        with restored(), np.errstate(all="ignore"):
            random.seed(0)

    assert try_property(rectifier(politely), PROPERTIES["process state"], 20).holds


@pytest.mark.parametrize("order", [("networks", "process state"), ("process state", "networks")])
def test_a_change_in_few_calls_fails_one_property(order: tuple[str, str]) -> None:
    """Of calls that another property makes, before or after that of the process."""

    def forward(x: np.ndarray) -> np.ndarray:
        if x.size > 20_000:
            np.set_printoptions(precision=1)
        return np.where(x <= 0, x.dtype.type(0), x)

    trier, kernel = Trier("few", 0), Kernel("relu", "rude", "cpu", forward)
    first, second = (trier.tried(kernel, PROPERTIES[name]) for name in order)
    assert first.holds
    assert second.unmet.startswith("a call of the kernel has changed NumPy's print options")
    assert trier.tried(kernel, PROPERTIES["networks"]).holds


PRINTING = """
import ctypes, os, sys, warnings
import numpy as np
from kernels import kernel

@kernel("relu", name="loud", cost=lambda g: 1e9)
def loud(x):
    print("printed by Python")
    print("printed as an error", file=sys.stderr)
    os.write(1, b"written to the descriptor\\n")
    ctypes.CDLL(None).puts(b"printed by C")
    warnings.warn("a warning")
    return np.where(x <= 0, x.dtype.type(0), x)
"""


ONE_TRIAL = """
import sys
from kernels.cli import verification
from kernels.cli.report_files import Files
from kernels.verify import PROPERTIES, load_kernels
from kernels.verify.replay import Run
from kernels.verify.suite import Plan

(loud,) = load_kernels(sys.argv[1])
plan = Plan([(loud, PROPERTIES["definition"])], [], [])
sys.exit(verification.verify(plan, {}, Run("few", 0), Files()))
"""


def test_what_kernels_print_is_apart_from_the_report(tmp_path: Path) -> None:
    file = tmp_path / "loud.py"
    file.write_text(PRINTING, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", ONE_TRIAL, str(file)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    report, apart = done.stdout.split("The kernels printed ")
    assert done.returncode == 0
    assert "all hold" in report and "printed" not in report
    assert "; the first 5:" in apart and "printed by Python" in apart
    assert "printed" not in done.stderr


def test_output_of_every_kind_is_set_aside(capfd: pytest.CaptureFixture[str]) -> None:
    said = Said()
    with aside(said):
        print("one")
        print("two", end="")
        print("three", file=sys.stderr)
    said.show()
    assert (said.lines, sorted(said.first)) == (3, ["one", "three", "two"])
    assert "The kernels printed 3 lines:\n" in capfd.readouterr().out
