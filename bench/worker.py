"""One contender in a process of its own: it reads orders, a line each, and answers in lines.

The first line is its job as JSON, answered by "ok" once everything is imported and compiled. Then
`run FOLDER` computes once, saves the results there (0.npy, 1.npy, ...) and answers with the memory
that it took, as JSON; `time N M` answers with seconds a call over N calls, after M others
(`instrument.py`, `gpu.py`). Anything raised is answered by "error ...". In between it waits for a
line, and no thread of it is busy.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, TextIO


def main() -> None:
    """Serve until the other side closes standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    answers = _own_answers()
    obey: Callable[[str], str] | None = None
    for line in sys.stdin:
        try:
            if obey is None:
                obey, answer = _prepared(json.loads(line)), "ok"
            else:
                answer = obey(line.strip())
        except BaseException as error:
            answer = f"error {type(error).__name__}: {' '.join(str(error).split())}"
        print(answer, file=answers, flush=True)


def _own_answers() -> TextIO:
    """Standard output under another number: what a kernel prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def _prepared(job: dict[str, Any]) -> Callable[[str], str]:
    """What obeys the orders after the first."""
    if not job["ours"]:
        # Before kernels, which tell OpenMP's idle threads how to wait: a library keeps its own way.
        importlib.import_module(job["library"])
    from bench import serving  # only now: it imports kernels

    return serving.prepare(job).obey


if __name__ == "__main__":
    main()
