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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from bench.cases import Contender
    from bench.operations import Call
    from kernels.contract.clock import Instrument


@dataclass(frozen=True)
class Ready:
    """A contender's call, what measures it, and the bytes that were held before anything was made
    for it: by its process, or by it on the GPU."""

    call: Call
    instrument: Instrument
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
    calls, before = map(int, argument.split())
    return f"ok {ready[0].instrument.seconds(ready[0].call.timed, calls, before)}"


def _prepare(job: dict[str, Any]) -> Ready:
    """The contender's call, its code compiled on a case of few pixels."""
    from bench.cases import OURS

    if job["library"] not in OURS:
        # Before kernels, which tell OpenMP's idle threads how to wait: a library keeps its own way.
        importlib.import_module(job["library"])
    from bench.cases import Case, Contender
    from bench.contenders import call_of
    from bench.operations import OPERATIONS
    from kernels.contract import sources, threads

    threads.set_num_threads(job["threads"])
    if job["source"]:
        sources.load(job["source"])
    contender = Contender(job["library"], job["name"], job["device"], job["tf32"])
    instrument = _instrument(contender)
    layer = OPERATIONS[job["operation"]].layer(**job["layer"])
    case = Case(job["operation"], layer, job["batch"])
    call_of(case.warm_up(), contender, job["threads"]).timed()
    loaded = instrument.held()
    return Ready(call_of(case, contender, job["threads"]), instrument, loaded)


def _instrument(contender: Contender) -> Instrument:
    from bench.gpu import CuPys, Torchs
    from kernels.contract.clock import Processor

    if contender.device == "cpu":
        return Processor()
    return CuPys() if contender.ours else Torchs()


def _run(ready: Ready, folder: Path) -> dict[str, int]:
    """Save a call's results; the bytes that it needed, nothing where the system cannot tell.

    memory: how far resident memory rose above what it was before, the result included; of what is
            judged by another call than the timed one, above what it was with the libraries alone.
    peak:   the most that the process held meanwhile.
    On a GPU it is the GPU's memory.
    """
    call, instrument = ready.call, ready.instrument
    result, memory = instrument.with_peak(call.judged or call.timed)
    _save(call.arrays(result), folder)
    if call.judged is None or ready.loaded is None:
        return memory
    del result
    _, memory = instrument.with_peak(call.timed)
    return memory and memory | {"memory": memory["peak"] - ready.loaded}


def _save(results: Sequence[Any], folder: Path) -> None:
    import numpy as np

    from bench.operations.operation import on_host

    for number, result in enumerate(results):
        np.save(folder / f"{number}.npy", on_host(result), allow_pickle=False)


if __name__ == "__main__":
    main()
