"""The contenders' processes, seen from outside: orders go in, answers come out, or it failed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field

from bench.cases import Case, Contender


@dataclass(frozen=True)
class Setting:
    """What is the same for all contenders: threads, and the user's own kernel file ("" if none)."""

    threads: int
    source: str = ""


class ContenderFailed(Exception):
    """A contender raised an error, or its process ended; says which."""


class Worker:
    """One contender's process (`bench/worker.py`)."""

    def __init__(self, case: Case, contender: Contender, setting: Setting) -> None:
        with ExitStack() as stack:
            self._log = stack.enter_context(tempfile.TemporaryFile())
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=_environment(contender),
                text=True,
            )
            stack.enter_context(self._process)
            self._open = stack.pop_all()
        job = {"operation": case.operation, "layer": asdict(case.layer), "batch": case.batch}
        job |= asdict(contender) | {"ours": contender.ours} | asdict(setting)
        self.send(json.dumps(job))

    def send(self, order: str) -> None:
        """Give an order; that the process has ended shows in the answer."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(order + "\n")
            self._process.stdin.flush()

    def answer(self) -> str:
        """What follows "ok"; ContenderFailed if an error comes, or nothing."""
        assert self._process.stdout is not None
        word, _, rest = self._process.stdout.readline().strip().partition(" ")
        if word == "ok":
            return rest
        raise ContenderFailed(rest if word == "error" else self._last_words())

    def close(self) -> None:
        """End it; it has nothing to save, and an order that it never read is no news."""
        self._process.kill()
        with suppress(BrokenPipeError):
            self._open.close()

    def _last_words(self) -> str:
        status = self._process.wait()
        self._log.seek(0)
        lines = [line.strip() for line in self._log.read().decode(errors="replace").splitlines()]
        said = [line for line in lines if line] or ["it said nothing"]
        return f"its process ended with status {status}: {said[-1]}"


def _environment(contender: Contender) -> dict[str, str]:
    """Ours; for a library without the setting that `kernels.threads` made for the kernels."""
    own = set() if contender.ours else {"GOMP_SPINCOUNT"}
    return {name: value for name, value in os.environ.items() if name not in own}


@dataclass
class Team:
    """Contenders at work, and the problems of those that are no longer."""

    workers: dict[Contender, Worker]
    problems: dict[Contender, str] = field(default_factory=dict)

    def ask(self, contender: Contender, order: str) -> str | None:
        """The answer to an order; None if the contender failed, which then is out."""
        self.workers[contender].send(order)
        return self.hear(contender)

    def hear(self, contender: Contender) -> str | None:
        """The answer to what was ordered before; None if the contender failed."""
        try:
            return self.workers[contender].answer()
        except ContenderFailed as failure:
            self.drop(contender, f"failed: {failure}")
            return None

    def drop(self, contender: Contender, problem: str) -> None:
        """Send a contender home."""
        self.problems[contender] = problem
        self.workers.pop(contender).close()


@contextmanager
def team(case: Case, contenders: Sequence[Contender], setting: Setting) -> Iterator[Team]:
    """A process for each contender, ready to compute; all ended afterwards."""
    those = Team({})
    try:
        for contender in contenders:
            those.workers[contender] = Worker(case, contender, setting)
        for contender in contenders:
            those.hear(contender)
        yield those
    finally:
        for worker in those.workers.values():
            worker.close()
