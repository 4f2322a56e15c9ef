"""What the commands' common options mean."""

from __future__ import annotations

from typing import Annotated

import typer

from bench.contenders import libraries
from bench.selection import Cases, batches, cases, operations, quick, words
from bench.turns import Effort
from kernels import Kernel, threads

NONE = "none"
QUICK = Effort(seconds=1.5, turn=0.02)

Threads = Annotated[
    int | None, typer.Option("--threads", help="Of every contender; all unless given.")
]
Against = Annotated[
    str | None, typer.Option(help="torch,onnxruntime or none; those installed unless given.")
]
Rounds = Annotated[
    int | None, typer.Option(min=1, help="Turns of each contender; what time allows.")
]
InAHurry = Annotated[
    bool, typer.Option("--quick", help="Batch 1, few turns, one case of each kind: two minutes.")
]


def set_threads(count: int | None) -> None:
    """As many as asked for; ValueError if the machine has not so many."""
    if count is not None:
        threads.set_num_threads(count)


def effort_of(in_a_hurry: bool, rounds: int | None) -> Effort:
    """How long to time one case."""
    return (QUICK if in_a_hurry else Effort()).exactly(rounds)


def chosen(
    op: str | None = None,
    layer: str | None = None,
    kernel: str | None = None,
    batch: str | None = None,
    against: str | None = None,
    in_a_hurry: bool = False,
    mine: list[Kernel] | None = None,
) -> Cases:
    """The cases with their contenders; ValueError names what an option may be."""
    others = libraries(None if against is None else [w for w in words(against) if w != NONE])
    numbers = batches(batch or ("1" if in_a_hurry else "1,16"))
    if in_a_hurry and not (mine or op or layer or kernel):
        return quick(others, numbers)
    kernels = words(kernel) if kernel else []
    named = operations(op, mine or [])
    return cases(named, words(layer or "zfnet"), numbers, kernels, others)
