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
from bench.operations import OPERATIONS, Call
from bench.operations.operation import on_host
from kernels.contract import sources, threads
from kernels.contract.clock import Instrument, Processor
from kernels.contract.operations import Tally, tally


@dataclass(frozen=True)
class Ready:
    """A contender's call, what measures it, and the bytes that were held before anything was made
    for it: by its process, or by it on the GPU.

    apart: operations of our call besides those of kernels; None of a library's.
    """

    call: Call
    instrument: Instrument
    loaded: int | None
    apart: int | None

    def operations(self, counted: Tally) -> dict[str, int]:
        if self.apart is None:
            return {}
        return {"operations": counted.operations + self.apart}

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
    apart = OPERATIONS[job["operation"]].apart(case) if contender.ours else None
    return Ready(call_of(case, contender, job["threads"]), instrument, loaded, apart)


def _instrument(contender: Contender) -> Instrument:
    if contender.device == "cpu":
        return Processor()
    return CuPys() if contender.ours else Torchs()


def _run(ready: Ready, folder: Path) -> dict[str, int]:
    """Save a call's results; what it did, and the bytes that it needed, where the system can tell.

    memory: how far resident memory rose above what it was before, the result included; of what is
            judged by another call than the timed one, above what it was with the libraries alone.
    peak:   the most that the process held meanwhile.
    operations: that kernels really did in a timed call, and what it did besides; of ours alone.
    On a GPU it is the GPU's memory.
    """
    call, instrument = ready.call, ready.instrument
    result, memory = instrument.with_peak(call.judged or call.timed)
    _save(call.arrays(result), folder)
    if call.judged is not None and ready.loaded is not None:
        del result
        _, memory = instrument.with_peak(call.timed)
        memory = memory and memory | {"memory": memory["peak"] - ready.loaded}
    with tally() as counted:  # a call like those that are timed, after the first
        call.timed()
    return memory | ready.operations(counted)


def _save(results: Sequence[Any], folder: Path) -> None:
    for number, result in enumerate(results):
        np.save(folder / f"{number}.npy", on_host(result), allow_pickle=False)
