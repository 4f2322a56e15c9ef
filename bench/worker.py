"""One contender in a process of its own: it reads orders, a line each, and answers in lines.

The first line is its job as JSON, answered by "ok" once everything is imported and compiled. Then
`run FOLDER` computes once, saves the results there (0.npy, 1.npy, ...) and answers with the memory
that it took, as JSON; `time N M` answers with seconds a call over N calls, after M others. Anything
raised is answered by "error ...". In between it waits for a line, and no thread of it is busy.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from bench.operations import Call


@dataclass(frozen=True)
class Ready:
    """A contender's call, and the bytes that its process held before anything was made for it."""

    call: Call
    loaded: int | None


def main() -> None:
    """Serve until the other side closes standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    answers = _own_answers()
    ready: list[Ready] = []
    for line in sys.stdin:
        try:
            answer = _obey(line.strip(), ready)
        except BaseException as error:
            answer = f"error {type(error).__name__}: {' '.join(str(error).split())}"
        print(answer, file=answers, flush=True)


def _own_answers() -> TextIO:
    """Standard output under another number: what a kernel prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def _obey(order: str, ready: list[Ready]) -> str:
    if not ready:
        ready.append(_prepare(json.loads(order)))
        return "ok"
    word, _, argument = order.partition(" ")
    if word == "run":
        return f"ok {json.dumps(_run(ready[0], Path(argument)))}"
    return f"ok {_seconds(ready[0].call.timed, *map(int, argument.split()))}"


def _prepare(job: dict[str, Any]) -> Ready:
    """The contender's call, its code compiled on a case of few pixels."""
    from bench.cases import OURS

    if job["library"] not in OURS:
        # Before kernels, which tell OpenMP's idle threads how to wait: a library keeps its own way.
        importlib.import_module(job["library"])
    from bench.cases import Case, Contender
    from bench.contenders import call_of
    from bench.operations import OPERATIONS
    from kernels import sources, threads

    threads.set_num_threads(job["threads"])
    if job["source"]:
        sources.load(job["source"])
    contender = Contender(job["library"], job["name"])
    layer = OPERATIONS[job["operation"]].layer(**job["layer"])
    case = Case(job["operation"], layer, job["batch"])
    call_of(case.warm_up(), contender, job["threads"]).timed()
    loaded = _status("VmRSS")
    return Ready(call_of(case, contender, job["threads"]), loaded)


def _run(ready: Ready, folder: Path) -> dict[str, int]:
    """Save a call's results; the bytes that it needed, nothing where the system cannot tell.

    memory: how far resident memory rose above what it was before, the result included; of what is
            judged by another call than the timed one, above what it was with the libraries alone.
    peak:   the most that the process held meanwhile.
    """
    call = ready.call
    result, memory = _with_peak(call.judged or call.timed)
    _save(call.arrays(result), folder)
    if call.judged is None or ready.loaded is None:
        return memory
    del result
    _, memory = _with_peak(call.timed)
    return memory and memory | {"memory": memory["peak"] - ready.loaded}


def _save(results: Sequence[Any], folder: Path) -> None:
    import numpy as np

    for number, result in enumerate(results):
        np.save(folder / f"{number}.npy", np.asarray(result), allow_pickle=False)


def _with_peak(call: Callable[[], Any]) -> tuple[Any, dict[str, int]]:
    """What the call returns, and the memory that it took."""
    before = _forget_peak()
    result = call()
    peak = _status("VmHWM")
    if before is None or peak is None:
        return result, {}
    return result, {"memory": max(peak - before, 0), "peak": peak}


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


def _seconds(call: Callable[[], Any], calls: int, before: int) -> float:
    for _ in range(before):
        call()
    began = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - began) / calls


if __name__ == "__main__":
    main()
