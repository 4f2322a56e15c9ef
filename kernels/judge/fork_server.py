"""Process that has loaded this project's kernels, and is copied for each kernel's process.

    python -m kernels.judge.fork_server SOCKET

Loading the libraries and the kernels takes more than a second, a copy some milliseconds. The server
never runs code that is not trusted: each copy enters name spaces of its own before it loads a file
(`apart.py`), and holds nothing but what the server has imported. Sanitizers must be loaded before
the interpreter, and need a process that is begun anew.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import random
import select
import signal
import socket
import sys
import traceback
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.contract.registry import all_kernels
from kernels.judge import apart, child

FILES = 5
"""Descriptors of a request: those of `Files`, in their order."""
MOST_ASKED = 1 << 18
_SUBREAPER, _CAPABILITIES = 36, 0x20080522


@dataclass(frozen=True)
class Files:
    """The descriptors that a process is given.

    life:   a pipe whose other end only the judge holds.
    line:   the socket of the first connection, and memory: its shared memory.
    output: of what the process prints.
    ended:  a pipe for the status with which the kernel's process ended.
    """

    life: int
    line: int
    memory: int
    output: int
    ended: int


def serve(line: socket.socket) -> None:
    """Begins a process for each request, and answers with its number, until the judge is gone."""
    while True:
        asked, files, _, _ = socket.recv_fds(line, MOST_ASKED, FILES)
        if not asked:
            return
        _reap()
        begun = os.fork()
        if begun == 0:
            line.close()
            _launch(json.loads(asked), Files(*files))
        for file in files:
            os.close(file)
        line.send(str(begun).encode())


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _launch(asked: dict[str, Any], files: Files) -> None:
    """The launcher of one process, as `apart.main`; does not return.

    asked: its working directory `home`, and the variables of its environment.
    """
    try:
        os.setsid()
        os.environ.clear()
        os.environ.update(asked["variables"])
        os.chdir(asked["home"])
        sys.path[0] = asked["home"]
        for stream in (1, 2):
            os.dup2(files.output, stream)
        os.close(files.output)
        _watch_over(files)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(1)


def _watch_over(files: Files) -> None:
    """Begins the kernel's process in its name spaces; ends it and all others with the judge."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    said, ended = os.pipe()
    refused = apart.enter()
    begun = os.fork()
    if begun == 0:
        for file in (files.life, files.ended, said):
            os.close(file)
        kept = [str(files.line), str(files.memory)]
        apart.first(lambda: _become(files, refused), kept, refused, ended)
    for file in (ended, files.line, files.memory):
        os.close(file)
    ready = select.select([files.life, said], [], [])[0]
    text = os.read(said, 64) if said in ready else b""
    os.kill(begun, signal.SIGKILL)  # and with it all others, where there is a name space
    os.waitpid(begun, 0)
    os.write(files.ended, text or str(int(signal.SIGKILL)).encode())
    os.killpg(0, signal.SIGKILL)


def _become(files: Files, refused: str) -> None:
    """Becomes the kernel's process; does not return."""
    apart.restrict(refused)
    if not refused:
        _drop_capabilities()
    os.environ[apart.VARIABLE] = apart.kept_by(refused)
    random.seed()
    np.random.seed()  # noqa: NPY002  the global generator, of which each copy has the state
    status = 1
    try:
        child.main(files.line, files.memory)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def _drop_capabilities() -> None:
    """Gives up this process's own capabilities; the next programs' are given up already."""
    none = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(ctypes.byref(_Header(_CAPABILITIES, 0)), ctypes.byref(none)):
        raise OSError(ctypes.get_errno(), "capset")


def main(descriptor: int) -> None:
    """Serves the judge on this socket until it closes the socket."""
    all_kernels()
    gc.collect()
    gc.freeze()  # the copies do not write to what they share
    serve(socket.socket(fileno=descriptor))


if __name__ == "__main__":
    main(int(sys.argv[1]))
