"""Prepared contender in its worker process: its compiled call, and the instrument that measures it.

Importing this module imports `kernels`, which sets how OpenMP's idle threads wait.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.cases import Case, Contender
from bench.contenders import call_of
from bench.counters import NotCounted, counted
from bench.gpu import CuPyGPU, TorchGPU
from bench.operations import OPERATIONS, Call, of
from bench.operations.operation import on_host
from kernels.contract import sources, threads
from kernels.contract.clock import Instrument, Processor
from kernels.contract.operations import Tally, tally


@dataclass(frozen=True)
class PreparedContender:
    """A contender's call and its instrument.

    loaded:          bytes held before the contender's arrays were made: by the process, or on the
                     GPU; None if the system has no count.
    outside_kernels: operations of our call besides those of kernels; None for a library.
    """

    call: Call
    instrument: Instrument
    loaded: int | None
    outside_kernels: int | None

    def operations(self, counted: Tally) -> dict[str, int]:
        if self.outside_kernels is None:
            return {}
        return {"operations": counted.operations + self.outside_kernels}

    def execute(self, command: str) -> str:
        """The answer to `run FOLDER`, `time N M` or `count N`."""
        word, _, argument = command.partition(" ")
        if word == "count":
            return f"ok {json.dumps(_counts(self.call, int(argument)))}"
        if word == "run":
            return f"ok {json.dumps(_run(self, Path(argument)))}"
        calls, before = map(int, argument.split())
        return f"ok {self.instrument.seconds(self.call.timed, calls, before)}"


def prepare(job: dict[str, Any]) -> PreparedContender:
    """The contender's call, its code compiled on a case of few pixels."""
    threads.set_num_threads(job["threads"])
    if job["source"]:
        sources.load(job["source"])
    contender = Contender(job["library"], job["name"], job["device"], job["tf32"])
    instrument = _instrument(contender)
    layer = OPERATIONS[job["operation"]].layer(**job["layer"])
    case = Case(job["operation"], layer, job["batch"])
    call_of(_compiled_on(case, contender), _first(contender), job["threads"]).timed()
    loaded = instrument.held()
    operation, call = OPERATIONS[job["operation"]], call_of(case, contender, job["threads"])
    outside_kernels = operation.outside_kernels(case) if contender.ours else None
    return PreparedContender(call, instrument, loaded, outside_kernels)


def _first(contender: Contender) -> Contender:
    """Who computes the smaller case: without torch.compile, which would compile it for nothing."""
    compiled = contender.library == "torch.compile"
    return replace(contender, library="torch") if compiled else contender


def _compiled_on(case: Case, contender: Contender) -> Case:
    """The case on few pixels, which compiles the same code; the case itself for a kernel of ours
    that does not support so few."""
    small = case.warm_up()
    if contender.ours and not of(small).ours(small, [contender.name], contender.device):
        return case
    return small


def _instrument(contender: Contender) -> Instrument:
    if contender.device == "cpu":
        return Processor()
    return CuPyGPU() if contender.ours else TorchGPU()


def _run(prepared: PreparedContender, folder: Path) -> dict[str, int]:
    """Save a call's results; its operations, and its memory in bytes where the system has a count.

    memory:     the rise of resident memory above its value before the call, the result included. If
                the result is checked by another call than the timed one: above its value with the
                libraries alone.
    peak:       the maximum that the process held during the call.
    operations: those that a timed call really does, in kernels and outside of them; of ours alone.
    On a GPU it is the GPU's memory.
    """
    call, instrument = prepared.call, prepared.instrument
    result, memory = instrument.with_peak(call.judged or call.timed)
    _save(call.arrays(result), folder)
    if call.judged is not None and prepared.loaded is not None:
        del result
        _, memory = instrument.with_peak(call.timed)
        memory = memory and memory | {"memory": memory["peak"] - prepared.loaded}
    with tally() as counted:  # not the first call, as the timed ones
        call.timed()
    return memory | prepared.operations(counted)


def _counts(call: Call, calls: int) -> dict[str, float]:
    """Hardware events of a call; {} where the system does not let them be read."""
    try:
        return asdict(counted(call.timed, calls))
    except NotCounted:
        return {}


def _save(results: Sequence[Any], folder: Path) -> None:
    for number, result in enumerate(results):
        np.save(folder / f"{number}.npy", on_host(result), allow_pickle=False)
