"""One contender in a process of its own: it reads orders, a line each, and answers in lines.

The first line is its job as JSON, answered by "ok" once everything is imported and compiled. Then
`run FILE` computes once, saves the result there (.npy) and answers with the bytes that memory rose
by; `time N` answers with seconds a call over N calls. Anything raised is answered by "error ...".
In between it waits for a line, and no thread of it is busy.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from bench.contenders import Call


def main() -> None:
    """Serve until the other side closes standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    answers = _own_answers()
    call: list[Call] = []
    for line in sys.stdin:
        try:
            answer = _obey(line.strip(), call)
        except BaseException as error:
            answer = f"error {type(error).__name__}: {' '.join(str(error).split())}"
        print(answer, file=answers, flush=True)


def _own_answers() -> TextIO:
    """Standard output under another number: what a kernel prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def _obey(order: str, call: list[Call]) -> str:
    if not call:
        call.append(_prepare(json.loads(order)))
        return "ok"
    word, _, argument = order.partition(" ")
    if word == "run":
        return f"ok {_run(call[0], Path(argument))}"
    return f"ok {_seconds(call[0], int(argument))}"


def _prepare(job: dict[str, Any]) -> Call:
    """The contender's call, its code compiled on a case of few pixels."""
    if job["library"] != "kernels":
        # Before kernels, which tell OpenMP's idle threads how to wait: a library keeps its own way.
        importlib.import_module(job["library"])
    from bench.cases import Case, Contender
    from bench.contenders import call_of
    from bench.layers import Layer
    from kernels import sources, threads

    threads.set_num_threads(job["threads"])
    if job["source"]:
        sources.load(job["source"])
    contender = Contender(job["library"], job["name"])
    case = Case(job["operation"], Layer(**job["layer"]), job["batch"])
    call_of(case.warm_up(), contender, job["threads"])()
    return call_of(case, contender, job["threads"])


def _run(call: Call, path: Path) -> int | None:
    """Save a result; the bytes that the call needed at most, None where the system cannot tell."""
    import numpy as np

    result, memory = _with_peak(call)
    np.save(path, np.asarray(result), allow_pickle=False)
    return memory


def _with_peak(call: Callable[[], Any]) -> tuple[Any, int | None]:
    """What the call returns, and how far resident memory rose above what it was before."""
    before = _forget_peak()
    result = call()
    peak = _status("VmHWM")
    return result, None if before is None or peak is None else max(peak - before, 0)


def _forget_peak() -> int | None:
    """Resident bytes now, from which on Linux keeps the highest; None if it does not."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return _status("VmRSS")


def _status(name: str) -> int | None:
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return None
    found = re.search(rf"^{name}:\s*(\d+) kB", text, re.MULTILINE)
    return 1024 * int(found[1]) if found else None


def _seconds(call: Callable[[], Any], calls: int) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - began) / calls


if __name__ == "__main__":
    main()
