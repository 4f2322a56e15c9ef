"""ctypes bindings of the runtime and of compiled kernels."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from ctypes import c_char_p, c_double, c_int32, c_int64, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kernels.cuda.emulator import build
from kernels.cuda.emulator.rewrite import included, rewritten

MOST_ARRAYS = 64
FINISHED, PAUSED, UNDEFINED = range(3)


class Array(ctypes.Structure):
    _fields_ = (
        ("host", c_void_p),
        ("device", c_void_p),
        ("bytes", c_uint64),
        ("written", c_uint32),
        ("narrow", c_uint32),
    )


class Launch(ctypes.Structure):
    _fields_ = (
        ("entry", c_void_p),
        ("arguments", c_void_p),
        ("seed", c_uint64),
        ("image_low", c_uint64),
        ("image_high", c_uint64),
        ("grid", c_uint32 * 3),
        ("block", c_uint32 * 3),
        ("dynamic_bytes", c_uint32),
        ("checked", c_uint32),
        ("portable", c_uint32),
        ("arrays", c_uint32),
        ("patience", c_double),
        ("array", Array * MOST_ARRAYS),
    )


class Point(ctypes.Structure):
    _fields_ = (
        ("pc", c_uint64),
        ("file", c_char_p),
        ("line", c_int32),
        ("mode", c_int32),
        ("block", c_uint32 * 3),
        ("thread", c_uint32 * 3),
    )


class Report(ctypes.Structure):
    _fields_ = (
        ("kind", c_int32),
        ("has_other", c_int32),
        ("here", Point),
        ("other", Point),
        ("size", c_uint64),
        ("mask", c_uint64),
        ("array", c_int32),
        ("offset_known", c_int32),
        ("shared", c_char_p),
        ("offset", c_int64),
        ("extent", c_int64),
        ("text", c_char_p),
        ("type", c_char_p),
        ("number", c_int64),
    )


class _Parameter(ctypes.Structure):
    _fields_ = (
        ("size", c_uint32),
        ("kind", ctypes.c_char),
        ("pointer", ctypes.c_bool),
        ("constant", ctypes.c_bool),
    )


@dataclass(frozen=True)
class Parameter:
    """A kernel's parameter: bytes of the value or of what it points to; kind "f", "i" or "s"."""

    size: int
    kind: str
    pointer: bool
    constant: bool


@dataclass(frozen=True)
class Kernel:
    """A loaded kernel; its image occupies the addresses from `low` to `high`."""

    name: str
    source: Path
    built: Path
    entry: int
    parameters: tuple[Parameter, ...]
    low: int
    high: int


@cache
def runtime() -> ctypes.CDLL:
    """The runtime, loaded with global symbols for the kernels; RuntimeError if it cannot work."""
    library = ctypes.CDLL(str(build.runtime()), mode=ctypes.RTLD_GLOBAL)
    library.emulator_image.argtypes = (c_void_p, c_void_p, c_void_p)
    library.emulator_room.argtypes = (c_uint32, c_uint64)
    library.emulator_room.restype = c_uint64
    library.emulator_report.restype = ctypes.POINTER(Report)
    sizes = [library.emulator_structures(which) for which in range(2)]
    assert sizes == [ctypes.sizeof(Launch), ctypes.sizeof(Report)], sizes
    if not library.emulator_open():
        raise RuntimeError(
            "the CUDA emulator reserves 130 GiB of addresses (it uses few of them), and the system "
            "refuses: `ulimit -v unlimited` or vm.overcommit_memory=0 would allow it"
        )
    return library


Stamps = tuple[tuple[Path, int, int], ...]
_kernels: dict[tuple[Path, str, bool], tuple[Stamps, Kernel]] = {}


def kernel(path: Path, name: str, checked: bool) -> Kernel:
    """The kernel `name`, say "fprop<float>", of the file at `path`, compiled if it has changed."""
    stamps, loaded = _kernels.get((path, name, checked), ((), None))
    if loaded is None or stamps != _stamps(file for file, _, _ in stamps):
        stamps = _stamps(included(path))
        loaded = _load(path, name, build.kernel(rewritten(path), name, checked))
        _kernels[path, name, checked] = stamps, loaded
    return loaded


def _stamps(files: Iterable[Path]) -> Stamps:
    """Time stamps that change if one of the files does."""
    return tuple((file, (stat := file.stat()).st_mtime_ns, stat.st_size) for file in files)


def _load(path: Path, name: str, built: Path) -> Kernel:
    runtime()
    library = ctypes.CDLL(str(built))
    entry = ctypes.cast(library.emulator_entry, c_void_p).value or 0
    count = c_uint32.in_dll(library, "emulator_count").value
    table = ctypes.POINTER(_Parameter).in_dll(library, "emulator_parameters")
    parameters = tuple(
        Parameter(p.size, p.kind.decode(), p.pointer, p.constant) for p in table[:count]
    )
    low, high = c_uint64(), c_uint64()
    runtime().emulator_image(entry, ctypes.byref(low), ctypes.byref(high))
    return Kernel(name, path, built, entry, parameters, low.value, high.value)
