"""A contender that is ready: its compiled call, and the instrument that measures it.

Importing this module imports `kernels`, which tells OpenMP's idle threads how to wait.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.cases import Case, Contender
from bench.contenders import call_of
from bench.gpu import CuPys, Torchs
from bench.instrument import Instrument, Processor
from bench.operations import OPERATIONS, Call
from bench.operations.operation import on_host
from kernels.contract import sources, threads


@dataclass(frozen=True)
class Ready:
    """A contender's call, what measures it, and the bytes that were held before anything was made
    for it: by its process, or by it on the GPU."""

    call: Call
    instrument: Instrument
    loaded: int | None

    def obey(self, order: str) -> str:
        """The answer to `run FOLDER` or `time N M`."""
        word, _, argument = order.partition(" ")
        if word == "run":
            return f"ok {json.dumps(_run(self, Path(argument)))}"
        calls, before = map(int, argument.split())
        return f"ok {self.instrument.seconds(self.call.timed, calls, before)}"


def prepare(job: dict[str, Any]) -> Ready:
    """The contender's call, its code compiled on a case of few pixels."""
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
    for number, result in enumerate(results):
        np.save(folder / f"{number}.npy", on_host(result), allow_pickle=False)
