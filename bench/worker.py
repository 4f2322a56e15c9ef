"""Worker process of one contender: it reads commands line by line and answers in lines.

The first line is its job as JSON, answered by "ok" once everything is imported and compiled. Then
`run FOLDER` computes once, saves the results there (0.npy, 1.npy, ...) and answers with its memory
and operations as JSON. `time N M` answers with seconds per call over N calls, after M untimed ones
(`kernels/contract/clock.py`, `gpu.py`). `count N` answers with hardware events per call as JSON. An
exception is answered by "error ...". Between commands the process waits for a line; while others
compute, its parent has it stopped.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, TextIO

PR_SET_PDEATHSIG = 1
MODULES = {"torch.compile": "torch"}
"""The module to import, where it is not named as the library."""


def main() -> None:
    """Execute commands until the parent closes standard input."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the parent handles both, and ends this one
        signal.signal(number, signal.SIG_IGN)
    _end_with_parent()
    answers = _own_answers()
    execute: Callable[[str], str] | None = None
    for line in sys.stdin:
        try:
            if execute is None:
                execute, answer = _prepared(json.loads(line)), "ok"
            else:
                answer = execute(line.strip())
        except BaseException as error:
            answer = f"error {type(error).__name__}: {' '.join(str(error).split())}"
        print(answer, file=answers, flush=True)


def _end_with_parent() -> None:
    """Let Linux kill this process when its parent ends: while it is stopped, it notices nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _own_answers() -> TextIO:
    """Standard output under another descriptor: a kernel's own prints go to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def _prepared(job: dict[str, Any]) -> Callable[[str], str]:
    """The function that executes the commands after the first."""
    if not job["ours"]:
        # Before kernels, which sets how OpenMP's idle threads wait: a library keeps its default.
        importlib.import_module(MODULES.get(job["library"], job["library"]))
    from bench import prepared_contender  # only now: it imports kernels

    return prepared_contender.prepare(job).execute


if __name__ == "__main__":
    main()
