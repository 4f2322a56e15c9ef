"""Process in which a kernel runs: started, asked, timed out, and what it died of."""

from __future__ import annotations

import contextlib
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kernels.judge import sanitizers
from kernels.judge.arena import Arena
from kernels.judge.launching import STARTING, Launched, launched
from kernels.judge.messages import DONE, Closed, Garbled, Late, receive, send_request

MOST_SHOWN = 4000
"""Characters of a kernel's own output that are kept."""
GIGABYTE = 1 << 30


class Ended(Exception):
    """The kernel's process has ended, or was ended, during a call.

    place: takes the line that raises, by which failures are grouped.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.place = why


@dataclass(frozen=True)
class Limits:
    """What a kernel may take: seconds for a call, and bytes of memory."""

    seconds: float = 60.0
    memory: int = 8 * GIGABYTE


class Caller:
    """One connection: a socket and its shared memory. Of each thread of the judge, one."""

    def __init__(self) -> None:
        self.line, self.other = socket.socketpair()
        self.arena = Arena()
        self.turn = 0
        self.done = 0.0

    def asked(self, what: str, seconds: float, **given: Any) -> tuple[Any, bytearray]:
        """The answer to a request; Late, Closed or Garbled.

        `done` is the time at which the answer began, or the word before it that a call is done.
        """
        send_request(self.line, what, **given)
        text, block = receive(self.line, seconds)
        self.done = time.perf_counter()
        if text == DONE:
            text, block = receive(self.line, seconds)
        return text, block


class Process:
    """A process that serves one file; what it prints goes to a file of its own."""

    def __init__(self, limits: Limits, preload: str = "") -> None:
        self.limits, self.preload = limits, preload
        self._folder = tempfile.TemporaryDirectory(prefix="judge-")
        self.said = Path(self._folder.name) / "output"
        self._first = Caller()
        self._local = threading.local()
        self._local.caller = self._first
        self._lock = threading.Lock()
        self.ended = ""
        self._process = self._started()

    def _started(self) -> Launched:
        home = Path(self._folder.name) / "work"
        home.mkdir()
        files = self._first.other.fileno(), self._first.arena.file
        of_sanitizers = {
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1:"
            f"hard_rss_limit_mb={self.limits.memory >> 20}",
            "UBSAN_OPTIONS": "print_stacktrace=0:abort_on_error=1",
        }
        process = launched(home, self.said, files, self.preload, of_sanitizers)
        self._first.other.close()
        return process

    @property
    def pid(self) -> int:
        return self._process.pid

    def load(self, source: str) -> Any:
        """What the process says of the file; Ended if it dies of it."""
        # The address sanitizer maps terabytes; it has a limit of its own.
        memory = 0 if self.preload else self.limits.memory
        with self._explained("while its file was loaded", STARTING):
            return self._first.asked("load", STARTING, source=source, memory=memory)[0]

    @contextlib.contextmanager
    def caller(self, doing: str) -> Iterator[Caller]:
        """The connection of this thread; Ended, with the reason, if the process does not answer."""
        with self._explained(doing, self.limits.seconds):
            if not hasattr(self._local, "caller"):
                self._local.caller = self._connected()
            yield self._local.caller

    def _connected(self) -> Caller:
        """Another connection, introduced over the first."""
        made = Caller()
        with self._lock:
            line = self._first.line
            send_request(line, "connect")
            socket.send_fds(line, [b"+"], [made.other.fileno(), made.arena.file])
            receive(line, STARTING)
        made.other.close()
        return made

    @contextlib.contextmanager
    def _explained(self, doing: str, seconds: float) -> Iterator[None]:
        if self.ended:
            raise Ended(self.ended)
        try:
            yield
        except Late:
            self.ended = f"the kernel's process gave no answer within {seconds:.0f} s {doing}"
            self.stop()
        except Garbled as error:
            self.ended = f"the kernel's process sent what is no message: {error}"
            self.stop()
        except (Closed, BrokenPipeError, ConnectionError):
            self.ended = f"{self._death()} {doing}"
        except (KeyboardInterrupt, SystemExit):
            # Its answer would be taken for that to a later request.
            self.ended = f"the judge was interrupted {doing}"
            self.stop()
            raise
        if self.ended:
            raise Ended(self.ended)

    def _death(self) -> str:
        """How the process has ended."""
        status = self._process.wait(10)
        if status is None:
            self.stop()
            return "the kernel's process closed its connection"
        if (found := sanitizers.finding(self._printed())) is not None:
            return found
        if status >= 0:
            return f"the kernel ends its process with status {status}"
        name = signal.Signals(-status).name
        if name in ("SIGSEGV", "SIGBUS"):
            return f"the kernel reads or writes outside of its operands ({name})"
        return f"the kernel's process died of {name}"

    def output(self) -> str:
        """What the kernel printed."""
        text = sanitizers.without_reports(self._printed())
        return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}\n[...]"

    def _printed(self) -> str:
        """The first megabyte of it."""
        if not self.said.exists():
            return ""
        with self.said.open("rb") as file:
            return file.read(1 << 20).decode("utf-8", "replace")

    def stop(self) -> None:
        """Ends the process and those that it began."""
        self._process.stop()

    def close(self) -> None:
        """Ends the process, and removes what it left."""
        self.stop()
        self._folder.cleanup()
