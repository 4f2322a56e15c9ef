"""Command-line options that the commands of `python -m bench` share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from bench.cases import KERNELS_FOR
from bench.contenders import left_out, libraries
from bench.gpu import FLUSH_SECONDS
from bench.round_robin import Effort
from bench.selection import Cases, batches, cases, operations, quick, words
from kernels import Kernel
from kernels.contract import devices, threads
from kernels.cuda import NoGPU, emulator
from kernels.terminal.progress import say

NONE = "none"
SLOW = "torch.compile"
"""It compiles for half a minute: not in a quick run unless asked for."""
QUICK = Effort(seconds=1.5, turn=0.02)

Device = Annotated[
    Literal["cpu", "cuda", "emulator"],
    typer.Option(
        help="Device: cuda, a GPU; emulator, the CUDA kernels without a GPU, on the smallest size "
        "of each layer, checked and not timed."
    ),
]
Threads = Annotated[
    int | None, typer.Option("--threads", help="Threads of each contender; all unless given.")
]
Against = Annotated[
    str | None,
    typer.Option(
        help="Of torch,torch.compile,onnxruntime,openvino,ncnn, or none; unless given all that "
        "are installed."
    ),
]
Rounds = Annotated[
    int | None, typer.Option(min=1, help="Turns of each contender; unless given, limited by time.")
]
Busy = Annotated[
    bool, typer.Option("--busy", help="Beside a process that computes without a pause.")
]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Go on with the run whose results are in the file of --json."),
]
QuickRun = Annotated[
    bool, typer.Option("--quick", help="Batch 1, few turns, one case of each kind: two minutes.")
]


def set_threads(count: int | None) -> None:
    """Set the number of threads; ValueError if the machine has fewer."""
    if count is not None:
        threads.set_num_threads(count)


def check_device(device: str) -> None:
    """ValueError for a device that this machine lacks: what is missing, and the alternative."""
    if device == "emulator" and not emulator.available():
        raise ValueError("--device emulator compiles kernels with g++, which is missing here")
    if device == "cuda":
        try:
            devices.cupy()
        except NoGPU as error:
            raise ValueError(
                f"--device cuda: {error} (here --device emulator, which checks every case)"
            ) from error


def check_resume(resume: bool, file: Path | None) -> None:
    """ValueError for --resume without a file."""
    if resume and file is None:
        raise ValueError("--resume goes on with the file of an earlier run: --json FILE")


def effort_of(quick_run: bool, rounds: int | None, device: str = "cpu") -> Effort:
    """The time to spend on one case."""
    effort = (QUICK if quick_run else Effort()).with_rounds(rounds)
    return replace(effort, between=FLUSH_SECONDS) if device == "cuda" else effort


def chosen(
    op: str | None = None,
    layer: str | None = None,
    kernel: str | None = None,
    batch: str | None = None,
    against: str | None = None,
    quick_run: bool = False,
    mine: list[Kernel] | None = None,
    device: str = "cpu",
) -> Cases:
    """The selected cases with their contenders; ValueError lists an option's possible values."""
    asked = None if against is None else [w for w in words(against) if w != NONE]
    others = libraries(asked, device)
    for reason in left_out(device) if asked is None else ():
        say(f"not compared: {reason}")
    numbers = batches(batch or ("1" if quick_run or device == "emulator" else "1,16"))
    if quick_run and asked is None:
        others = [name for name in others if name != SLOW]
    if quick_run and not (mine or op or layer or kernel):
        return quick(others, numbers, device)
    kernels = words(kernel) if kernel else []
    named = operations(op, _on(device, mine or []))
    return cases(named, words(layer or "zfnet"), numbers, kernels, others, device=device)


def _on(device: str, mine: list[Kernel]) -> list[Kernel]:
    """The user's kernels for a device; ValueError if the user has kernels, but none for it."""
    found = [k for k in mine if k.device == KERNELS_FOR[device]]
    if mine and not found:
        had = ", ".join(f"{k.operation} {k.name} ({k.device})" for k in mine)
        raise ValueError(
            f'--device {device} takes kernels registered with device="{KERNELS_FOR[device]}", and '
            f"these are {had}"
        )
    return found
