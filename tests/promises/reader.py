"""Readers of files from elsewhere, in a process whose memory and deeds are watched.

    python -m tests.promises.reader

Requests are lines "KIND PATH", answers lines of JSON. `Readers` is the other end.
"""

from __future__ import annotations

import json
import os
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from minidl.formats.onnx import load_onnx
from minidl.formats.pickled import read_pth
from tests.promises.warm import processor_time
from tests.promises.watch import Watch
from zfnet import network as networks
from zfnet.checkpoint import load_checkpoint
from zfnet.data import read_image
from zfnet.importing import import_network, input_format, own_size

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 30.0
"""Seconds of the processor after which a reader hangs."""
ASLEEP = 600.0
"""Seconds after which one hangs that does nothing: a busy machine can keep it waiting."""
SPACE = 6 << 30
"""Bytes of address space that reading may take on top: more ends in a MemoryError."""


def _onnx(path: Path) -> None:
    load_onnx(path)
    H, W = own_size(path) or (None, None)
    import_network(path, input_format("torchvision", None, size=H, plane=H and W and (H, W)))


def _pth(path: Path) -> None:
    read_pth(path)
    import_network(path, input_format("torchvision", None))


def _trap(path: Path) -> None:
    """A reader that does what its file says: the watch must see all of it."""
    match path.read_text():
        case "look":
            Path("/etc/passwd").read_bytes()
        case "write":
            path.with_name("beside").touch()
            path.with_name("beside").unlink()
        case "start":
            os.system("true")
        case "connect":
            with socket.socket() as made:
                made.connect_ex(("127.0.0.1", 9))
        case "fill":
            bytearray(b"x") * (400 << 20)
        case "spin":
            while True:
                pass
        case "end":
            os.kill(os.getpid(), signal.SIGKILL)


READERS: dict[str, Callable[[Path], Any]] = {
    "image": read_image,
    "network": networks.load,
    "checkpoint": lambda path: load_checkpoint(path.parent),
    "onnx": _onnx,
    "pickle": _pth,
    "trap": _trap,
}
REFUSALS = ValueError, FileNotFoundError
"""Errors for a file that cannot be read; their subclasses of the standard library are not."""


@dataclass(frozen=True)
class Outcome:
    """What reading a file came to.

    error:  the exception's type, module and text; "" if it was read.
    seconds: of the processor.
    grown:  bytes by which the resident memory rose.
    deeds:  what it did beside reading the file: names of audit events.
    """

    error: str
    text: str
    seconds: float
    grown: int
    deeds: list[str]


class Readers:
    """A watched process that reads one file after the other; begun anew when one ends it."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        environment = {"NUMBA_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "MALLOC_ARENA_MAX": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.promises.reader"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, **environment},
        )
        assert self._process.stdout is not None and self._process.stdin is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout
        self._answers.readline()  # it is ready

    def read(self, kind: str, path: Path) -> Outcome | str:
        """The outcome, or how the process ended."""
        self._requests.write(f"{kind} {path}\n".encode())
        self._requests.flush()
        ready = self._answered()
        answer = self._answers.readline() if ready else b""
        if answer:
            return Outcome(**json.loads(answer))
        if not ready:
            self._process.kill()
        status = self._process.wait()
        self._begin()
        return f"it ends by signal {-status}" if ready else "it hangs"

    def _answered(self) -> bool:
        """Wait for an answer, or the end of the process; False if it hangs."""
        began, before = time.monotonic(), processor_time(self._process.pid)
        while not select.select([self._answers], [], [], 1.0)[0]:
            used = processor_time(self._process.pid) - before
            if used > LIMIT or time.monotonic() - began > ASLEEP:
                return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._requests.close()
        self._process.kill()
        self._process.wait()


def main() -> None:
    """Answer requests until the input ends."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    watch = Watch()
    held = _memory("VmSize")
    resource.setrlimit(resource.RLIMIT_AS, (held + SPACE, held + SPACE))
    answers.write(b"ready\n")
    for line in sys.stdin:
        kind, path = line.rstrip("\n").split(" ", 1)
        outcome = _read(READERS[kind], Path(path), watch)
        answers.write(json.dumps(outcome).encode() + b"\n")


def _read(reader: Callable[[Path], Any], path: Path, watch: Watch) -> dict[str, Any]:
    Path("/proc/self/clear_refs").write_text("5")  # the highest resident size begins anew
    before, began = _memory("VmRSS"), time.process_time()
    watch.begin((os.path.realpath(path.parent),))
    error, text = "", ""
    try:
        reader(path)
    except BaseException as raised:
        error = "" if _refuses(raised) else repr(type(raised))
        text = str(raised)[:5000]
        raised.__traceback__ = None
    watch.on = False
    return {
        "error": error,
        "text": text,
        "seconds": time.process_time() - began,
        "grown": _memory("VmHWM") - before,
        "deeds": watch.deeds,
    }


def _refuses(raised: BaseException) -> bool:
    """Whether it is one of ours; JSONDecodeError, a ValueError of a library, is none."""
    kind = type(raised)
    return kind in REFUSALS or (
        isinstance(raised, REFUSALS) and kind.__module__.startswith(("minidl", "zfnet"))
    )


def _memory(name: str) -> int:
    """Bytes of a line of /proc/self/status."""
    text = Path("/proc/self/status").read_text()
    found = re.search(rf"{name}:\s*(\d+) kB", text)
    assert found
    return 1024 * int(found[1])


if __name__ == "__main__":
    main()
