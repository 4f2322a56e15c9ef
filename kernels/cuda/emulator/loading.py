"""Loaded CUDA programs: their functions, their operands, and the end of an undefined launch.

A function of a program takes managed memory, which host and kernels can use: of a checked program,
copies in rooms of the emulator's memory (`runtime/device.h`), so that each access is seen;
otherwise the arrays themselves.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from kernels.cuda.emulator import native
from kernels.cuda.emulator.undefined import Undefined

NAMED = "emulator: "
"""Begins the line on the errors' stream that says what was undefined."""
_Callback = ctypes.CFUNCTYPE(
    None, ctypes.POINTER(native.Report), ctypes.c_char_p, ctypes.c_uint64, ctypes.c_uint64
)


class Program:
    """A program's library. What is undefined in a launch of it ends this process."""

    def __init__(self, path: Path) -> None:
        runtime = native.runtime()
        self.path = path
        self.library = ctypes.CDLL(str(path))
        self.checked = bool(ctypes.c_int.in_dll(self.library, "emulator_program").value)
        self._owners = ["an array of device memory"] * native.MOST_ARRAYS
        self._undefined = _Callback(self._end)
        runtime.emulator_on_undefined(self._undefined)

    @contextmanager
    def operands(self, arrays: Sequence[np.ndarray | None]) -> Iterator[list[ctypes.c_void_p]]:
        """Context with a pointer to managed memory for each operand and result; None: null.

        All are copied back: what the program wrote to its operands is seen.
        """
        if not self.checked:
            yield [ctypes.c_void_p(None if a is None else a.ctypes.data) for a in arrays]
            return
        places = [self._placed(i, a) for i, a in enumerate(arrays)]
        try:
            yield places
            for place, array in zip(places, arrays, strict=True):
                if array is not None and array.size and array.flags.writeable:
                    ctypes.memmove(array.ctypes.data, place, array.nbytes)
        finally:
            for place in places:
                native.runtime().emulator_release(place)

    def _placed(self, position: int, array: np.ndarray | None) -> ctypes.c_void_p:
        place = ctypes.c_void_p()
        if array is None:
            return place
        status = native.runtime().emulator_allocate(
            ctypes.byref(place), ctypes.c_uint64(array.nbytes), 1, 1, b"", 0
        )
        if status:
            raise MemoryError(f"an operand of {array.nbytes} bytes is too large to check")
        if array.size:
            ctypes.memmove(place, array.ctypes.data, array.nbytes)
            self._owners[native.runtime().emulator_room_of(place)] = f"argument {position}"
        return place

    def _end(self, report: object, kernel: bytes, low: int, high: int) -> None:
        """Says what was undefined, and ends the process: the program's own code cannot be left."""
        of = native.Kernel(kernel.decode(), self.path, self.path, 0, (), low, high)
        said = Undefined(of, report.contents, self._owners)  # type: ignore[attr-defined]
        sys.stderr.write(f"{NAMED}{said}\n")
        sys.stderr.flush()
        os.abort()
