"""Mutation test of one bug: its tests run with the bug, and one of them must fail."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.bug import ROOT, Bug
from tests.mutants.plant import FILE, TEXT

SECONDS = 600.0
"""Time limit for the tests of one bug."""
FAILED = 1
"""pytest's exit status if a test has failed; others say that none ran."""


@dataclass(frozen=True)
class Found:
    """Result of a hunt: the first test that failed, or why none did."""

    bug: Bug
    test: str = ""
    amiss: str = ""
    seconds: float = 0.0

    @property
    def caught(self) -> bool:
        return bool(self.test)


def hunt(bug: Bug, seconds: float = SECONDS) -> Found:
    """Run the bug's tests until one fails. Tests that do not end in time have caught nothing."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bug-") as folder:
        changed = Path(folder) / Path(bug.file).name
        changed.write_text(bug.source(), encoding="utf-8")
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
            FILE: bug.file, TEXT: str(changed),
        }  # fmt: skip
        command = [sys.executable, "-m", "pytest", "-p", "tests.mutants.plant", "-x", "-q",
                   "-p", "no:cacheprovider", "--tb=no", *bug.tests.split()]  # fmt: skip
        try:
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True,
                                  text=True, timeout=seconds, check=False)  # fmt: skip
        except subprocess.TimeoutExpired:
            return Found(bug, amiss=f"no end in {seconds:.0f} s")
    return _found(bug, done, time.monotonic() - began)


def _found(bug: Bug, done: subprocess.CompletedProcess[str], seconds: float) -> Found:
    failed = re.search(r"^FAILED (\S+)", done.stdout, flags=re.MULTILINE)
    if done.returncode == FAILED and failed:
        return Found(bug, failed[1], "", seconds)
    if done.returncode == 0:
        return Found(bug, amiss="its tests pass", seconds=seconds)
    last = [*filter(None, (done.stdout + done.stderr).splitlines())][-1:]
    return Found(bug, amiss=f"status {done.returncode}: {''.join(last)}", seconds=seconds)
