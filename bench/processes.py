"""Worker processes of the contenders, from the parent's side: commands, answers and failures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field

from bench.cases import Case, Contender


@dataclass(frozen=True)
class Setting:
    """Settings of all contenders: threads, the user's own kernel file ("" if none), and the number
    of busy processes beside each contender while it is timed."""

    threads: int
    source: str = ""
    busy: int = 0


ENDED = "its process ended"


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

    def send(self, command: str) -> None:
        """Send a command. A process that has ended is noticed by `answer`."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()

    def answer(self) -> str:
        """The text after "ok"; ContenderFailed after an error, or if the process has ended."""
        assert self._process.stdout is not None
        word, _, rest = self._process.stdout.readline().strip().partition(" ")
        if word == "ok":
            return rest
        raise ContenderFailed(rest if word == "error" else self._last_line())

    def signal(self, number: int) -> None:
        """Send SIGSTOP or SIGCONT; nothing to a process that has ended."""
        self._process.send_signal(number)

    def close(self) -> None:
        """Kill the process, which has nothing to save. A command that it never read is ignored."""
        self._process.kill()
        with suppress(BrokenPipeError):
            self._open.close()

    def _last_line(self) -> str:
        status = self._process.wait()
        self._log.seek(0)
        lines = [line.strip() for line in self._log.read().decode(errors="replace").splitlines()]
        printed = [line for line in lines if line] or ["it printed nothing"]
        return f"{ENDED} with status {status}: {printed[-1]}"


def _environment(contender: Contender) -> dict[str, str]:
    """This process's environment; for a library without the setting that `kernels` made."""
    own = set() if contender.ours else {"GOMP_SPINCOUNT"}
    # Compiled in the process itself: a pool of compilers would be left over when it is killed.
    more = {"TORCHINDUCTOR_COMPILE_THREADS": "1"} if contender.library == "torch.compile" else {}
    return {name: value for name, value in os.environ.items() if name not in own} | more


@dataclass
class Processes:
    """The running workers by contender, and the problems of the contenders that were ended."""

    workers: dict[Contender, Worker]
    problems: dict[Contender, str] = field(default_factory=dict)

    def ask(self, contender: Contender, command: str) -> str | None:
        """The answer to a command; None if the contender failed, whose process is then ended.

        The other processes are stopped meanwhile: the threads of some libraries go on spinning
        after a call, for a tenth of a second.
        """
        for other, worker in self.workers.items():
            worker.signal(signal.SIGCONT if other == contender else signal.SIGSTOP)
        self.workers[contender].send(command)
        return self.receive(contender)

    def receive(self, contender: Contender) -> str | None:
        """The answer to the command sent before; None if the contender failed."""
        try:
            return self.workers[contender].answer()
        except ContenderFailed as failure:
            self.drop(contender, f"failed: {failure}")
            return None

    def drop(self, contender: Contender, problem: str) -> None:
        """End a contender's process and record its problem."""
        self.problems[contender] = problem
        self.workers.pop(contender).close()


@contextmanager
def start(case: Case, contenders: Sequence[Contender], setting: Setting) -> Iterator[Processes]:
    """A process for each contender, prepared to compute; all are ended afterwards."""
    processes = Processes({})
    try:
        for contender in contenders:
            processes.workers[contender] = Worker(case, contender, setting)
        for contender in contenders:
            processes.receive(contender)
        yield processes
    finally:
        for worker in processes.workers.values():
            worker.close()
