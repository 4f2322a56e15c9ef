"""Bound calls: a kernel's call on given arrays, decided once and run again and again.

A network in inference calls the same kernels on the same memory for every image. What a call does
before its first multiply-add (checks, choices, views, packing) is then done once, by a kernel's
`bind`, and a run is the compiled code alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from kernels.contract import memory

Call = Callable[[], object]
"""One run. It reads its arrays again and writes the same y."""
Allocate = Callable[..., np.ndarray]
"""As `memory.empty`: memory that one run needs, and that others may use between two runs."""


@dataclass(frozen=True)
class Options:
    """The options of a bound call.

    bias:     (K,), or None.
    rectify:  y = max(y, 0).
    prepared: the prepared weights (`Abilities.prepare`), or None.
    epilogue: what follows each block of results (`cpu/epilogue.py`), or None.
    allocate: makes what a run needs beside its operands.
    """

    bias: np.ndarray | None = None
    rectify: bool = False
    prepared: Any = None
    epilogue: Any = None
    allocate: Allocate = memory.empty


def run_all(calls: Sequence[Call]) -> None:
    for call in calls:
        call()


def in_turn(*calls: Call) -> Call:
    """These calls, one after the other."""
    return calls[0] if len(calls) == 1 else partial(run_all, calls)
