"""Emulator of CUDA kernels on the CPU, with checks for races and other undefined behaviour.

A `.cu` file is compiled by g++ with one header (`emulator.h`). Each thread of a block is a fiber
that runs until it waits for others. So a block needs one operating-system thread, and every run is
reproducible. A seed draws the order of blocks and threads: a kernel without a race gives the same
bits for every seed.

By default kernels run checked: every access of memory is checked first, and undefined behaviour
raises `Undefined` with the kernel's line. Found are: a barrier that not all threads of a block
reach; shared memory read before it is written; two threads of a block that access one address
between two barriers, one of them writing; two blocks that do so at any time; an access outside an
array; a vector load from a misaligned address. The arrays then keep their values of before.

Not found: an array's element that is read before it is written. An order between blocks by fences
and atomics is not understood and is reported as a race.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path

from kernels.cuda.emulator import native
from kernels.cuda.emulator.arguments import Packed, pack
from kernels.cuda.emulator.build import CompileError, available
from kernels.cuda.emulator.undefined import Undefined

__all__ = [
    "CompileError",
    "Undefined",
    "available",
    "launch",
    "patience",
    "portable",
    "schedule",
    "unchecked",
]


@dataclass(frozen=True)
class _Settings:
    seed: int = 0
    checked: bool = True
    portable: bool = False
    patience: float = 60.0


_DEFAULTS = _Settings()
_settings: ContextVar[_Settings] = ContextVar("emulator")
_lock = threading.Lock()


@contextmanager
def _with(**changed: object) -> Iterator[None]:
    token = _settings.set(replace(_settings.get(_DEFAULTS), **changed))  # type: ignore[arg-type]
    try:
        yield
    finally:
        _settings.reset(token)


def schedule(seed: int) -> AbstractContextManager[None]:
    """Context in which `seed` draws the order of blocks and threads; 0 is the natural order."""
    return _with(seed=seed % 2**64)


def unchecked() -> AbstractContextManager[None]:
    """Context in which kernels run without checks, several times as fast, on the arrays themselves.

    Undefined behaviour can then corrupt the process's memory or end it.
    """
    return _with(checked=False)


def portable() -> AbstractContextManager[None]:
    """Context in which the C library switches fibers, as it does on unknown processors."""
    return _with(portable=True)


def patience(seconds: float) -> AbstractContextManager[None]:
    """Context in which a thread may run so long without reaching a barrier or its end."""
    if not seconds > 0:
        raise ValueError(f"patience takes seconds above 0, got {seconds}")
    return _with(patience=float(seconds))


def launch(
    path: Path | str,
    name: str,
    grid: Sequence[int],
    block: Sequence[int],
    arguments: Sequence[object],
    shared: int = 0,
) -> None:
    """Run the kernel `name`, say "fprop<float>", of the file at `path` on NumPy arrays.

    Arguments are contiguous arrays (passed as pointers; None is a null pointer), NumPy scalars and
    structs (np.void); `shared` the bytes of dynamic shared memory. Undefined: see above; TypeError
    and ValueError: arguments that do not fit the kernel, or a grid or block that no GPU takes;
    CompileError: g++'s own words; RuntimeError: there is no g++.
    """
    settings = _settings.get(_DEFAULTS)
    _check_sizes(grid, block, shared)
    with _lock:
        kernel = native.kernel(Path(path), name, settings.checked)
        packed = pack(kernel, arguments, settings.checked)
        _run(kernel, packed, _described(kernel, packed, settings, grid, block, shared))


_LIMITS = (("grid", (2**31 - 1, 65535, 65535)), ("block", (1024, 1024, 64)))


def _check_sizes(grid: Sequence[int], block: Sequence[int], shared: int) -> None:
    for (what, limits), size in zip(_LIMITS, (grid, block), strict=True):
        fits = len(size) == 3 and all(1 <= n <= most for n, most in zip(size, limits, strict=True))
        if not fits:
            raise ValueError(f"a {what} has three sizes, from 1 to {limits}; got {tuple(size)}")
    if block[0] * block[1] * block[2] > 1024:
        raise ValueError(f"a block has at most 1024 threads; {tuple(block)} are more")
    if not 0 <= shared <= 227 << 10:
        raise ValueError(f"a block has at most {227 << 10} bytes of shared memory, not {shared}")


def _described(
    kernel: native.Kernel,
    packed: Packed,
    settings: _Settings,
    grid: Sequence[int],
    block: Sequence[int],
    shared: int,
) -> native.Launch:
    described = native.Launch(
        entry=kernel.entry,
        arguments=ctypes.addressof(packed.pointers),
        seed=settings.seed,
        image_low=kernel.low,
        image_high=kernel.high,
        dynamic_bytes=shared,
        checked=settings.checked,
        portable=settings.portable,
        patience=settings.patience,
        arrays=len(packed.rooms) if settings.checked else 0,
    )
    described.grid[:] = [int(n) for n in grid]
    described.block[:] = [int(n) for n in block]
    for i, room in enumerate(packed.rooms if settings.checked else ()):
        device = native.runtime().emulator_room(i, room.low)
        described.array[i] = native.Array(
            room.low, device, room.high - room.low, room.written, room.narrow
        )
    return described


def _run(kernel: native.Kernel, packed: Packed, described: native.Launch) -> None:
    runtime = native.runtime()
    if not runtime.emulator_start(ctypes.byref(described)):
        raise ValueError(
            "the arrays that the kernel writes are too large to watch (5 GiB in all); "
            "emulator.unchecked() takes any"
        )
    outcome = native.PAUSED
    try:
        while outcome == native.PAUSED:  # an interrupt from the keyboard comes in between
            outcome = runtime.emulator_run()
    finally:
        runtime.emulator_finish(int(outcome == native.FINISHED))
    if outcome == native.UNDEFINED:
        raise Undefined(kernel, runtime.emulator_report().contents, packed.owners)
