"""Libraries of C functions, arrays as they take them, and results between pages that fault."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kernels.cuda.emulator import native as emulator
from kernels.cuda.emulator.loading import Program
from kernels.cuda.emulator.programs import is_program
from kernels.judge.guarded import FILLING, GUARD, PAGE, protect

Pointers = AbstractContextManager[list[ctypes.c_void_p]]


@dataclass(frozen=True)
class Opened:
    """A loaded library; operands: a context with a pointer for each array, null for None."""

    functions: Any
    operands: Callable[[Sequence[np.ndarray | None]], Pointers]


def opened(source: str) -> Opened:
    """The library, of C or of a CUDA program; OSError if it does not load."""
    if is_program(source):
        program = Program(Path(source).resolve())
        return Opened(program.library, program.operands)
    return Opened(ctypes.CDLL(str(Path(source).resolve())), _pointers)


def reserve(source: str) -> None:
    """Takes the addresses that a CUDA program's emulator needs, before addresses are limited."""
    if is_program(source):
        emulator.runtime()


def _pointers(arrays: Sequence[np.ndarray | None]) -> Pointers:
    return nullcontext([ctypes.c_void_p(None if a is None else a.ctypes.data) for a in arrays])


def packed(a: np.ndarray) -> np.ndarray:
    """The array itself if C code can read it, else a copy."""
    plain = a.flags.c_contiguous and a.flags.aligned and a.dtype.isnative
    return a if plain else np.array(a, a.dtype.newbyteorder("="), order="C")


def between_guards(shape: tuple[int, ...], dtype: np.dtype, at_end: bool) -> np.ndarray:
    """An array of NaN, flush with the end or the start of its pages, between pages that fault."""
    nbytes = int(np.prod(shape)) * dtype.itemsize
    size = -(-max(nbytes, 1) // PAGE) * PAGE
    whole = mmap.mmap(-1, size + 2 * GUARD)
    protect(whole, 0, GUARD)
    protect(whole, GUARD + size, GUARD)
    inside = np.frombuffer(whole, np.uint8, size, GUARD)
    inside[:] = FILLING
    start = (size - nbytes) // dtype.itemsize * dtype.itemsize if at_end else 0
    return inside[start : start + nbytes].view(dtype).reshape(shape)  # (bytes,) -> shape
