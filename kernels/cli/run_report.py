"""Report of a run of the suite as JSON and as JUnit's XML, up to date while the run goes on.

The report is written before each trial (of many trials once a second), so that it is there if the
process is killed or a kernel ends it: the trial that was running is in `trying`.
docs/verify-your-kernels.md lists the fields.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kernels.cli.environment import environment
from kernels.cli.junit import junit
from kernels.cli.outcomes import Marks
from kernels.cli.report_files import Files
from kernels.contract.registry import Kernel
from kernels.storage.atomic import replacing
from kernels.verify import report
from kernels.verify.coverage import coverage
from kernels.verify.outcome import Outcome
from kernels.verify.replay import Run
from kernels.verify.suite import Plan

FORMAT = 1
MOST_EACH, SECONDS_BETWEEN = 200, 1.0
"""Trials of a run before each of which the report is written, and the time between in a longer."""
VERDICTS = ("holds", "fails", "incomplete")
"""By exit status."""


@dataclass
class RunReport:
    """The results of a run, and where they are written.

    problems: sentences on files that could not be read, and kernels that could not be tried.
    """

    files: Files
    plan: Plan
    run: Run
    source_of: Mapping[Kernel, str]
    problems: Sequence[str] = ()
    began: float = field(default_factory=time.monotonic)
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    _written: float = -math.inf
    _coverage: dict[Kernel, dict[str, Any]] = field(default_factory=dict)

    def update(self, results: Sequence[Outcome]) -> None:
        """Writes what is known while the next trial runs; seldom in a run of many trials."""
        seldom = len(self.plan.trials) > MOST_EACH
        if not seldom or time.monotonic() - self._written >= SECONDS_BETWEEN:
            self.write(results, status=2)

    def write(
        self,
        results: Sequence[Outcome],
        status: int,
        marks: Marks | None = None,
        ended: bool = False,
    ) -> None:
        """Writes the files whole or not at all; nothing if none were asked for.

        status: the exit status of the command; ended: no trial is running.
        """
        if self.files == Files():
            return
        table = self.table(results, status, marks or {}, ended)
        if self.files.json is not None:
            _write(self.files.json, json.dumps(table, indent=1, allow_nan=False) + "\n")
        if self.files.junit is not None:
            _write(self.files.junit, junit(table))
        self._written = time.monotonic()

    def table(
        self, results: Sequence[Outcome], status: int, marks: Marks, ended: bool
    ) -> dict[str, Any]:
        """The report as a table of JSON's types."""
        left = self.plan.trials[len(results) :]
        return {
            "format": FORMAT,
            "verdict": VERDICTS[status],
            "exit_status": status,
            "trials": len(self.plan.trials),
            "tried": len(results),
            "failed": sum(_verdict(r) == "fails" for r in results),
            "trying": None if ended or not left else [_name(left[0][0]), left[0][1].name],
            "profile": self.run.profile,
            "seed": self.run.seed,
            "device": self.plan.device,
            "date": self.date,
            "seconds": round(time.monotonic() - self.began, 3),
            "environment": environment(),
            "problems": list(self.problems),
            "kernels": [self._kernel(k, results, marks) for k in _kernels(self.plan)],
        }

    def _kernel(self, kernel: Kernel, results: Sequence[Outcome], marks: Marks) -> dict[str, Any]:
        source = self.source_of.get(kernel)
        tried = {r.law.name: r for r in results if r.kernel is kernel}
        laws = [law for k, law in self.plan.trials if k is kernel]
        entries = [
            _property(tried[law.name], source, marks.get((kernel, law.name), ""), self.run)
            if law.name in tried
            else {"name": law.name, "sentence": law.sentence, "verdict": "not run"}
            for law in laws
        ]
        done = len(tried) == len(laws) and (source is not None or bool(self.plan.given))
        return {
            "operation": kernel.operation,
            "name": kernel.name,
            "device": kernel.device,
            "file": source,
            "coverage": self._coverage_of(kernel, list(tried.values())) if done else None,
            "properties": entries,
        }

    def _coverage_of(self, kernel: Kernel, results: Sequence[Outcome]) -> dict[str, Any]:
        """The coverage of a kernel all of whose trials are done."""
        if kernel not in self._coverage:
            self._coverage[kernel] = coverage(kernel, results).as_dict()
        return self._coverage[kernel]


def _property(outcome: Outcome, source: str | None, mark: str, run: Run) -> dict[str, Any]:
    """One trial: verdict, worst error in units of the bound, and the failing example."""
    failure, worst = outcome.failure, outcome.worst
    entry: dict[str, Any] = {
        "name": outcome.law.name,
        "sentence": outcome.law.sentence,
        "verdict": _verdict(outcome),
        "examples": outcome.examples,
        "seed": run.seed,
        "seconds": round(outcome.seconds, 3),
        "worst_error_in_bounds": _finite(worst.share) if worst else None,
        "worst_geometry": described(worst.geometry) if worst and worst.share else None,
        "share_of_statistical_line": _finite(outcome.used),
    }
    if entry["verdict"] == "fails":
        entry |= {
            "message": report.violation(outcome),
            "kind": type(failure.error).__name__ if failure else "",
            "geometry": described(failure.call.g) if failure else None,
            "program": report.program(outcome, source),
            "replay": mark,
        }
    return entry


def described(g: Any) -> Any:
    """A geometry in JSON's types: its fields and the name of its class, or the sizes of a shape."""
    if is_dataclass(g) and not isinstance(g, type):
        return {"type": type(g).__name__, **asdict(g)}
    return list(g) if isinstance(g, tuple) else g


def _verdict(outcome: Outcome) -> str:
    if outcome.inapplicable:
        return "not applicable"
    return "holds" if outcome.holds else "fails"


def _finite(share: float | None) -> float | None:
    """None for infinity, which JSON does not have; the message says what was wrong."""
    return float(share) if share is not None and math.isfinite(share) else None


def _kernels(plan: Plan) -> list[Kernel]:
    return list(dict.fromkeys(kernel for kernel, _ in plan.trials))


def _name(kernel: Kernel) -> str:
    return f"{kernel.operation} {kernel.name}"


def _write(file: Path, text: str) -> None:
    with replacing(file) as beside:
        beside.write_text(text, encoding="utf-8")
