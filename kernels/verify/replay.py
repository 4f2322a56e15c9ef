"""Replay of a failure in a new process: whether its program fails again, or which sequence does.

A kernel that keeps something between calls may fail only after other calls. Then the program of the
one call holds, and the calls of the whole trial, which are the same for the same seed, fail again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kernels.contract import threads
from kernels.verify.runner import PROFILES, Outcome
from kernels.verify.snippet import launching

SECONDS = 120
"""After so long without an end, a program is taken to fail again."""


@dataclass(frozen=True)
class Run:
    """The settings of a run of the suite, which draw its examples."""

    profile: str
    seed: int


def fails_again(program: str) -> bool:
    """Whether `program` ends with an error in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="replay-") as folder:
        file = Path(folder) / "replay.py"
        file.write_text(program, encoding="utf-8")
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
            "NUMBA_NUM_THREADS": str(threads.get_num_threads()),
        }
        try:
            done = subprocess.run([sys.executable, str(file)], cwd=folder, env=environment,
                                  capture_output=True, timeout=SECONDS, check=False)  # fmt: skip
        except subprocess.TimeoutExpired:
            return True
    return done.returncode != 0


def sequence(outcome: Outcome, run: Run, source: str) -> str:
    """A program that makes all calls of the trial, in a new process, in their order."""
    kernel = outcome.kernel
    name = f"{kernel.operation!r}, {kernel.name!r}, {kernel.device!r}"
    path = str(Path(source).resolve()) if Path(source).exists() else source
    examples = f"{PROFILES[run.profile]}, {run.seed}, shrink=False"
    return (
        "".join(f"{line}\n" for line in launching(outcome.law)) + "import kernels\n"
        "from kernels.contract.sources import load\n"
        "from kernels.verify import PROPERTIES, try_property\n\n"
        f"load({path!r})\n"
        f"kernel = kernels.named({name})\n"
        f"outcome = try_property(kernel, PROPERTIES[{outcome.law.name!r}], {examples})\n"
        "assert outcome.failure is None, outcome.failure.reason\n"
    )
