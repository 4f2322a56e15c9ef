"""Commands of `zfnet` in forked children of a process that has imported and compiled everything.

    python -m tests.promises.warm

A training of seconds would spend most of its time on imports. Requests are lines of JSON on the
standard input, answers lines on the standard output. `Warm` is the other end.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from tests.promises.shim import ARMED, preloaded

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 60.0
"""Seconds of the processor after which a child hangs."""
ASLEEP = 600.0
"""Seconds after which a child hangs that does nothing: a busy machine can keep it waiting."""
HUNG = -1000
"""Its status then."""


@dataclass(frozen=True)
class Fault:
    """The storage call that fails: its number, how, and errno. `trace` is a file for all calls."""

    folder: str
    at: int = 0
    mode: str = "never"
    code: int = 0
    trace: str = ""


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status, or minus the signal; and what it printed."""

    status: int
    said: str


class Warm:
    """A warm process for one command after the other."""

    def __init__(self, **environment: str) -> None:
        # One thread of Numba's own pool, which survives a fork.
        own = {"NUMBA_NUM_THREADS": "1", "NUMBA_THREADING_LAYER": "workqueue"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.promises.warm"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **preloaded(), **own, **environment, "PYTHONPATH": str(ROOT)},
        )

    def run(
        self,
        arguments: Sequence[str],
        said: Path,
        fault: Fault | None = None,
        *,
        kill_after: float | None = None,
        here: bool = False,
    ) -> Ended:
        """Run `zfnet ARGUMENTS` with its output in the file `said`, in a child of the process.

        here: in the process itself, so that later children have what it loads.
        """
        options = {"fault": asdict(fault) if fault else None, "kill_after": kill_after}
        (ended,) = self._asked(arguments, [said], [0.0], here=here, **options)
        return ended

    def race(
        self, arguments: Sequence[str], said: Sequence[Path], delays: Sequence[float]
    ) -> list[Ended]:
        """Run the same command in several children at once, each after its delay in seconds."""
        return self._asked(arguments, said, delays)

    def _asked(
        self,
        arguments: Sequence[str],
        said: Sequence[Path],
        delays: Sequence[float],
        **options: Any,
    ) -> list[Ended]:
        request = {"fault": None, "kill_after": None, "here": False, **options}
        request |= {"arguments": list(arguments), "said": list(map(str, said)), "delays": delays}
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the warm process ended with status {self._process.wait()}")
        texts = [file.read_text(errors="replace") for file in said]
        return [Ended(*each) for each in zip(json.loads(answer), texts, strict=True)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def main() -> None:
    """Answer requests until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the imports print is no answer
    from zfnet.cli import main as zfnet

    for line in sys.stdin:
        request = json.loads(line)
        if request["here"]:
            statuses = [_ran(zfnet, request, request["said"][0])]
        else:
            children = [
                _child(zfnet, request, *each)
                for each in zip(request["said"], request["delays"], strict=True)
            ]
            statuses = [_waited(child, request["kill_after"]) for child in children]
        answers.write(f"{json.dumps(statuses)}\n")
        answers.flush()


def _child(zfnet: Any, request: dict[str, Any], said: str, delay: float) -> int:
    child = os.fork()
    if child == 0:
        time.sleep(delay)
        os._exit(_ran(zfnet, request, said))
    return child


def _ran(zfnet: Any, request: dict[str, Any], said: str) -> int:
    """The exit status of the command, as the interpreter gives it."""
    file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)
    sys.argv = ["zfnet", *request["arguments"]]
    if request["fault"]:
        _arm(Fault(**request["fault"]))
    try:
        zfnet()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        for written in (sys.stdout, sys.stderr):
            written.flush()
    return 0


def _arm(fault: Fault) -> None:
    trace = os.open(fault.trace, os.O_WRONLY | os.O_CREAT, 0o666) if fault.trace else -1
    arm = ctypes.CDLL(None).storage_faults_arm
    arm.argtypes = [ctypes.c_char_p, ctypes.c_long, ctypes.c_int, ctypes.c_int, ctypes.c_int]
    arm(fault.folder.encode(), fault.at, ARMED[fault.mode], fault.code, trace)


def processor_time(process: int) -> float:
    """Seconds that a process, which has not been waited for, has computed."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _waited(child: int, kill_after: float | None) -> int:
    """The child's exit status, or minus its signal; killed after a time if one is given."""
    began = time.monotonic()
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        passed = time.monotonic() - began
        if passed > (ASLEEP if kill_after is None else kill_after) or processor_time(child) > LIMIT:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return HUNG if kill_after is None else -signal.SIGKILL
        time.sleep(0.002)


if __name__ == "__main__":
    main()
