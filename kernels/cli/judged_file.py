"""One file of kernels, verified in a process of its own, which it may crash or never end."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HELD, CAUGHT, NOT_TRIED = "held", "caught", "not tried"
OUTCOMES = {0: HELD, 1: CAUGHT, 2: NOT_TRIED}
"""By the exit status of `python -m kernels verify FILE`, or `judge FILE`."""


@dataclass(frozen=True)
class Settings:
    """How each file is verified: the options of the command, and the seconds that a file may take.

    first:   end at the first property that fails.
    command: "verify" or "judge", with options of its own.
    """

    profile: str = "ci"
    seed: int = 0
    device: str = "cpu"
    op: str | None = None
    kernel: str | None = None
    first: bool = False
    limit: float = 900.0
    layers: tuple[str, ...] = ()
    geometries: tuple[str, ...] = ()
    command: str = "verify"
    options: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """The options of the command."""
        given = ["--profile", self.profile, "--seed", str(self.seed), *self.options]
        given += ["--device", self.device] if self.command == "verify" else []
        given += ["--op", self.op] if self.op else []
        given += ["--kernel", self.kernel] if self.kernel else []
        for option, values in (("--layer", self.layers), ("--geometry", self.geometries)):
            given += [word for value in values for word in (option, value)]
        return given + ["--first"] * self.first

    def stamp(self, file: Path) -> str:
        """A digest of the file's content and of what decides the outcome."""
        how = json.dumps({**asdict(self), "limit": None}, sort_keys=True)
        return hashlib.sha256(how.encode() + file.read_bytes()).hexdigest()[:16]


@dataclass(frozen=True)
class Judged:
    """What became of one file.

    outcome:  "held", "caught" or "not tried".
    property: the first that failed, or during which the process died; "" if none.
    reason:   the violation, or why the file was not tried.
    stamp:    of the content and the settings (`Settings.stamp`).
    """

    file: str
    outcome: str
    property: str
    reason: str
    seconds: float
    stamp: str


class Child:
    """The process that verifies one file; `stop` ends it, from any thread."""

    def __init__(self, file: Path, settings: Settings) -> None:
        self.file, self.settings = file, settings
        self.process: subprocess.Popen[bytes] | None = None
        self.stopped = False

    def judged(self) -> Judged:
        """What becomes of the file, once the process has ended."""
        began = time.monotonic()
        stamp = self.settings.stamp(self.file)
        with tempfile.TemporaryDirectory(prefix="verify-") as folder:
            status = self._run(Path(folder))
            report, said = _read(Path(folder) / "report.json"), Path(folder) / "output"
            found = self._found(status, report, said.read_text(encoding="utf-8", errors="replace"))
        return Judged(str(self.file), *found, round(time.monotonic() - began, 1), stamp)

    def stop(self) -> None:
        """Ends the process and those that it began."""
        self.stopped = True
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    def _run(self, folder: Path) -> int | None:
        """The exit status; None if the time was over."""
        command = [sys.executable, "-m", "kernels", self.settings.command]
        command += [str(self.file.resolve())]
        command += [*self.settings.arguments(), "--json", str(folder / "report.json")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        with (folder / "output").open("wb") as output:
            if self.stopped:
                return None
            self.process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
            try:
                return self.process.wait(self.settings.limit)
            except subprocess.TimeoutExpired:
                return None
            finally:
                if self.process.poll() is None:
                    self.stop()
                self.process.wait()

    def _found(self, status: int | None, report: Any, said: str) -> tuple[str, str, str]:
        """Outcome, property and reason."""
        trying = (report.get("trying") or ["", ""])[1]
        if status is None:
            return NOT_TRIED, trying, f"no end in {self.settings.limit:.0f} s"
        if status < 0:
            return CAUGHT, trying, f"the process died: {signal.Signals(-status).name}"
        outcome = OUTCOMES.get(status, CAUGHT)
        if outcome == CAUGHT:
            return outcome, *(_failure(report) or (trying, f"the process ended: status {status}"))
        lines = [line for line in said.splitlines() if line.strip()]
        last = lines[-1] if lines else "it said nothing"
        problems = report.get("problems") or [last]
        return outcome, "", "" if outcome == HELD else str(problems[0])


def _failure(report: Any) -> tuple[str, str] | None:
    """The first property that failed, and the violation; or that a kernel admits no call."""
    for kernel in report.get("kernels", ()):
        if all(entry["verdict"] == "not applicable" for entry in kernel["properties"]):
            return "", f"nothing judged: {kernel['name']} supports no call"
        for entry in kernel["properties"]:
            if entry["verdict"] == "fails":
                return str(entry["name"]), str(entry["message"])
    return None


def _read(report: Path) -> Any:
    """The report; empty if the process did not come to write it."""
    return json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
