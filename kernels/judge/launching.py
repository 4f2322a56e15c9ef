"""Beginning and end of a kernel's process: a copy of the fork server, or a program begun anew."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Protocol

from kernels.contract import threads
from kernels.judge import apart

STARTING = 120.0
"""Seconds for a process to begin and to load the kernel's file, which may compile."""
ENDING = 30.0
_EARLY = re.compile(
    r"PYTHON|LD_|MALLOC_|NUMBA|OMP_|KMP_|OPENBLAS|GOTO|MKL|BLIS|TBB|HOME$|XDG_|PATH$"
)


class Launched(Protocol):
    """The launcher of a kernel's process."""

    @property
    def pid(self) -> int: ...

    def wait(self, seconds: float) -> int | None:
        """The status with which the kernel's process ended, negative for a signal; None if it has
        not."""

    def stop(self) -> None:
        """Ends the process and those that it began."""


def environment() -> dict[str, str]:
    """The variables of a kernel's process."""
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(os.path.abspath(p) for p in sys.path if p),
        "NUMBA_NUM_THREADS": str(threads.most()),
        "MALLOC_PERTURB_": "90",  # what malloc returns, and what is freed, is overwritten
    }


def early(variables: dict[str, str]) -> dict[str, str]:
    """Those that the interpreter and libraries read when they are loaded."""
    return {name: value for name, value in variables.items() if _EARLY.match(name)}


class Executed:
    """A program that is begun anew, with a library that is loaded before it."""

    def __init__(
        self, home: Path, said: Path, files: tuple[int, int], preload: str, more: dict[str, str]
    ) -> None:
        life, self._life = os.pipe()  # its end tells the launcher that the judge is gone
        with said.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", apart.__file__, str(life), preload, *map(str, files)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment() | more,
                cwd=home,
                pass_fds=(life, *files),
                start_new_session=True,
            )
        os.close(life)

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self, seconds: float) -> int | None:
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._life >= 0:
            os.close(self._life)
            self._life = -1


class Forked:
    """A copy of the fork server."""

    def __init__(self, server: Server, home: Path, said: Path, files: tuple[int, int]) -> None:
        life, self._life = os.pipe()
        self._ended, ended = os.pipe()
        self._status: int | None = None
        with said.open("wb") as output:
            self.pid = server.begin(home, (life, *files, output.fileno(), ended))
        os.close(life)
        os.close(ended)

    def wait(self, seconds: float) -> int | None:
        if self._status is None and select.select([self._ended], [], [], seconds)[0]:
            text = os.read(self._ended, 64)
            os.close(self._ended)
            status = int(text) if text else int(signal.SIGKILL)
            self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def stop(self) -> None:
        if self._life >= 0:
            os.close(self._life)
            self._life = -1
        self.wait(ENDING)


class Server:
    """The fork server of this process, begun with variables that libraries read when imported."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.early, self.owner = early(variables), os.getpid()
        self._lock = threading.Lock()
        self._line, other = socket.socketpair(type=socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kernels.judge.fork_server", str(other.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=variables,
            cwd="/",
            pass_fds=(other.fileno(),),
            start_new_session=True,
        )
        other.close()
        atexit.register(self.close)

    def begin(self, home: Path, files: tuple[int, ...]) -> int:
        """The number of the launcher of a new process; OSError if the server is gone."""
        asked = json.dumps({"home": str(home), "variables": environment()})
        with self._lock:
            socket.send_fds(self._line, [asked.encode()], list(files))
            self._line.settimeout(STARTING)
            said = self._line.recv(32)
        if not said:
            raise OSError("the server of the kernels' processes has ended")
        return int(said)

    def close(self) -> None:
        """Ends the server; processes that it began live on."""
        atexit.unregister(self.close)
        if self.owner != os.getpid():
            self._line.close()
            return
        with contextlib.suppress(OSError):  # it has ended already
            self._line.shutdown(socket.SHUT_RDWR)  # a copy of this process may hold it open
        self._line.close()
        try:
            self._process.wait(ENDING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


_servers: list[Server] = []
_choosing = threading.Lock()


def _server() -> Server:
    """The server, begun anew for other variables, or in a copy of this process."""
    wanted = environment()
    with _choosing:
        if _servers and (_servers[0].early, _servers[0].owner) != (early(wanted), os.getpid()):
            _servers.pop().close()
        if not _servers:
            _servers.append(Server(wanted))
        return _servers[0]


def launched(
    home: Path, said: Path, files: tuple[int, int], preload: str, more: dict[str, str]
) -> Launched:
    """A kernel's process, with its socket and shared memory; what it prints goes to `said`.

    preload: a library that must be loaded before all others, "" for none; more: its variables.
    """
    if preload:
        return Executed(home, said, files, preload, more)
    return Forked(_server(), home, said, files)
