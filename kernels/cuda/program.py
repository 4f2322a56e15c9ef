"""Program: a .cu file and the launch of its kernels, through CuPy on a GPU or in the emulator.

An instance of a template is named by its name expression: "fprop<float>". Every instance that is
ever launched is declared, because all are compiled together, and because the report on registers
and shared memory reads them from here.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import DTypeLike

from kernels.contract import devices
from kernels.contract.arrays import device_kind
from kernels.contract.registry import all_kernels

INCLUDE = Path(__file__).parent / "include"
"""The folder of `#include "geometry.cuh"`."""
OPTIONS = ("-std=c++17",)
MOST_THREADS = 1024
MOST_BLOCKS = (2**31 - 1, 65535, 65535)
PLAIN_SHARED = 48 << 10
"""Bytes of dynamic shared memory above which a GPU needs a kernel attribute to be set."""

Three = tuple[int, int, int]
_SCALARS = (np.int32, np.int64, np.uint32, np.uint64, np.float32, np.float64)
_CTYPES = {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}
_programs: WeakValueDictionary[Path, Program] = WeakValueDictionary()


@dataclass(frozen=True)
class Entry:
    """Launch parameters of an instance: threads of a block, bytes of dynamic shared memory."""

    block: Three
    shared: int = 0


class Program:
    """The .cu file beside a Python file.

    file:    the Python file, `__file__`.
    entries: every instance that is launched, with the parameters of each in a mapping; otherwise
             all are launched with `block` threads and `shared` bytes.
    """

    def __init__(
        self,
        file: str,
        entries: Sequence[str] | Mapping[str, Entry],
        block: Three = (256, 1, 1),
        shared: int = 0,
    ) -> None:
        self.path = Path(file).with_suffix(".cu")
        if not self.path.is_file():
            raise ValueError(f"there is no {self.path} beside {Path(file).name}")
        if isinstance(entries, Mapping):
            self.entries = dict(entries)
        else:
            self.entries = dict.fromkeys(entries, Entry(block, shared))
        _programs[self.path] = self

    def launch(
        self, name: str, grid: Sequence[int], block: Sequence[int], *arguments: Any, shared: int = 0
    ) -> None:
        """Run the instance `name` in `grid` blocks of `block` threads, each up to three numbers.

        arguments: device arrays, contiguous, given as a pointer to their first element; None, a
                   null pointer; NumPy's scalars and structs (np.void), by value.
        shared:    bytes of dynamic shared memory per block.
        ValueError for an undeclared name, or sizes that CUDA refuses; TypeError for arguments of
        other types, of two devices, or of none.
        """
        if name not in self.entries:
            raise ValueError(
                f"{self.path.name} declares no entry {name!r}; it has {', '.join(self.entries)}"
            )
        blocks, threads = _three(grid), _three(block)
        _check_sizes(name, blocks, threads)
        for argument in arguments:
            _check(name, argument)
        if _device(name, arguments) == "emulator":
            from kernels.cuda import emulator  # 20 ms, which no other process has to wait for

            emulator.launch(self.path, name, blocks, threads, arguments, shared)
        else:
            self._run_on_gpu(name, blocks, threads, arguments, shared)

    def _run_on_gpu(
        self, name: str, grid: Three, block: Three, arguments: Sequence[Any], shared: int
    ) -> None:
        function = self._module.get_function(name)
        if shared > PLAIN_SHARED:
            function.max_dynamic_shared_size_bytes = shared
        # CuPy takes a struct as an array of one element, by value.
        given = tuple(a.reshape(1) if isinstance(a, np.void) else a for a in arguments)
        function(grid, block, given, shared_mem=shared)

    @cached_property
    def _module(self) -> Any:
        """Compiled when the first of its kernels runs; CuPy keeps the binary in its own cache."""
        source = f'#line 1 "{self.path}"\n' + self.path.read_text(encoding="utf-8")
        # CuPy's cache key is the source and the options, so the options have a hash of the headers.
        options = (*OPTIONS, f"-I{INCLUDE}", f"-DHEADERS={_fingerprint():#x}")
        return devices.loaded().RawModule(
            code=source, options=options, name_expressions=tuple(self.entries)
        )


def programs() -> list[Program]:
    """Every program, in order of the path of its source."""
    all_kernels()  # imports the files that declare them
    return [_programs[path] for path in sorted(_programs)]


def ctype(dtype: DTypeLike) -> str:
    """float32 -> "float", float64 -> "double"; TypeError for any other."""
    if np.dtype(dtype) not in _CTYPES:
        raise TypeError(f"CUDA kernels compute in float32 or float64, got {np.dtype(dtype)}")
    return _CTYPES[np.dtype(dtype)]


def _three(sizes: Sequence[int]) -> Three:
    x, y, z = (*(int(size) for size in sizes), 1, 1)[:3]
    return x, y, z


def _check_sizes(name: str, grid: Three, block: Three) -> None:
    if min(block) < 1 or block[0] * block[1] * block[2] > MOST_THREADS or block[2] > 64:
        raise ValueError(f"{name}: a block has 1 to {MOST_THREADS} threads, 64 deep, got {block}")
    if not all(1 <= size <= most for size, most in zip(grid, MOST_BLOCKS, strict=True)):
        raise ValueError(f"{name}: a grid has 1 to {MOST_BLOCKS} blocks, got {grid}")


def _check(name: str, argument: Any) -> None:
    if argument is None or isinstance(argument, (*_SCALARS, np.void)):
        return
    kind = device_kind(argument)
    if kind is None or kind == "cpu":
        raise TypeError(
            f"{name} takes device arrays, None, structs and NumPy's scalars of a size "
            f"({', '.join(t.__name__ for t in _SCALARS)}), got {type(argument).__module__}."
            f"{type(argument).__name__}"
        )
    if not argument.flags.c_contiguous:
        raise ValueError(
            f"{name} is given a pointer, so its arrays are contiguous; one of shape "
            f"{argument.shape} has strides {argument.strides}: memory.nhwc(x), memory.flat(x) or "
            "a copy would be"
        )


def _device(name: str, arguments: Iterable[Any]) -> str:
    """The device of the arrays."""
    kinds = {device_kind(a) for a in arguments} - {None}
    if len(kinds) != 1:
        found = " and ".join(sorted(map(str, kinds))) or "none"
        raise TypeError(f"{name} takes arrays that are on one device, got {found}")
    return str(kinds.pop())


def _fingerprint() -> int:
    """A hash of all headers."""
    files = sorted(INCLUDE.glob("*.cuh"))
    return zlib.crc32(b"".join(file.read_bytes() for file in files))
