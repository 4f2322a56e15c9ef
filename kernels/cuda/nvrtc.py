"""NVRTC through ctypes: a .cu file compiled to a cubin on any machine, without a GPU.

    compiled = nvrtc.compile_file(path, ["fprop<float>"], "sm_80")
    compiled.binary                            a cubin: what an A100 would load
    compiled.lowered["fprop<float>"]           "_Z5fpropIf...": the instance's mangled name
    nvrtc.resources(compiled.log)["_Z5..."]    registers, shared memory, spills, reported by ptxas

A template is instantiated only if its name expression is registered before compiling. With a real
architecture (sm_80, not compute_80) NVRTC compiles beyond PTX to the binary, and with
`--ptxas-options=-v` its log has the assembler's report. (NVIDIA: "NVRTC", 13.0, sections 3 to 5.)
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from kernels.cuda import packages
from kernels.cuda.program import INCLUDE, OPTIONS

REPORT = "--ptxas-options=-v"
_COMPILATION = 6
"""nvrtcResult of a source that does not compile; the log has the reason."""


class CompileError(ValueError):
    """A source that does not compile; the message begins with its file and line."""


@dataclass(frozen=True)
class Compiled:
    """binary: the cubin; lowered: name expression -> name in the binary; log: of the compiler."""

    binary: bytes
    lowered: dict[str, str]
    log: str


@dataclass(frozen=True)
class Resources:
    """Resources of one kernel: registers per thread, bytes of static shared memory per block.

    `stack` is bytes per thread of local memory, for arrays that are indexed at run time. `spills`
    are bytes that are stored and loaded there because registers ran out.
    """

    registers: int
    shared: int
    stack: int
    spills: int


def compile_file(path: Path, names: Sequence[str], arch: str) -> Compiled:
    """Compile `path` for `arch` with the instances `names`; CompileError names file and line."""
    library = _library()
    program = ctypes.c_void_p()
    source, title = path.read_bytes(), str(path).encode()
    _check(library.nvrtcCreateProgram(ctypes.byref(program), source, title, 0, None, None))
    try:
        for name in names:
            _check(library.nvrtcAddNameExpression(program, name.encode()))
        status = library.nvrtcCompileProgram(program, *_options(arch))
        log = _bytes_of(program, "ProgramLog").rstrip(b"\0").decode(errors="replace")
        if status:
            _fail(status, path, arch, log)
        lowered = {name: _lowered(program, name) for name in names}
        return Compiled(_bytes_of(program, "CUBIN"), lowered, log)
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def options(arch: str) -> list[str]:
    """NVRTC's options: those that `Program` passes to CuPy, and the assembler's report."""
    return [f"--gpu-architecture={arch}", *OPTIONS, f"-I{INCLUDE}", REPORT]


def supported() -> list[str]:
    """The architectures that this NVRTC compiles for: ["sm_75", "sm_80", ...]."""
    library, count = _library(), ctypes.c_int()
    _check(library.nvrtcGetNumSupportedArchs(ctypes.byref(count)))
    numbers = (ctypes.c_int * count.value)()
    _check(library.nvrtcGetSupportedArchs(numbers))
    return [f"sm_{number}" for number in numbers]


_ENTRY = re.compile(r"Compiling entry function '(?P<name>[^']+)'")
_FRAME = re.compile(
    r"(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores, "
    r"(?P<loads>\d+) bytes spill loads"
)
_USED = re.compile(r"Used (?P<registers>\d+) registers")
_SHARED = re.compile(r"(?P<shared>\d+) bytes smem")


def resources(log: str) -> dict[str, Resources]:
    """Name in the binary -> its resources, from the log of a compilation.

    A function that is called and not inlined is reported after the kernels that call it: its spills
    are added to those of the last one.
    """
    found: dict[str, Resources] = {}
    name = None
    for line in log.splitlines():
        if entry := _ENTRY.search(line):
            name = entry["name"]
            found[name] = Resources(0, 0, 0, 0)
        elif name is not None:
            found[name] = _with(found[name], line)
    return found


def _with(so_far: Resources, line: str) -> Resources:
    """`so_far` with the numbers of one more line of the log."""
    if frame := _FRAME.search(line):
        spills = so_far.spills + int(frame["stores"]) + int(frame["loads"])
        return replace(so_far, stack=so_far.stack + int(frame["stack"]), spills=spills)
    if used := _USED.search(line):
        shared = _SHARED.search(line)
        return replace(
            so_far, registers=int(used["registers"]), shared=int(shared["shared"]) if shared else 0
        )
    return so_far


@cache
def _library() -> Any:
    """NVRTC; its built-in functions, which it finds by name alone, are loaded first."""
    builtins = packages.file_of(packages.NVRTC, r"libnvrtc-builtins\.so\.[\d.]+")
    library = packages.file_of(packages.NVRTC, r"libnvrtc\.so\.\d+")
    try:
        ctypes.CDLL(str(builtins))
        loaded = ctypes.CDLL(str(library))
    except OSError as error:
        raise packages.Missing(f"{library} does not load: {error}") from error
    loaded.nvrtcGetErrorString.restype = ctypes.c_char_p
    return loaded


def _options(arch: str) -> tuple[int, Any]:
    """(number of options, array of C strings)."""
    given = [option.encode() for option in options(arch)]
    return len(given), (ctypes.c_char_p * len(given))(*given)


def _bytes_of(program: ctypes.c_void_p, what: str) -> bytes:
    """The result of nvrtcGet`what`; its size is that of nvrtcGet`what`Size."""
    library, size = _library(), ctypes.c_size_t()
    _check(getattr(library, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(max(size.value, 1))
    _check(getattr(library, f"nvrtcGet{what}")(program, buffer))
    return buffer.raw[: size.value]


def _lowered(program: ctypes.c_void_p, name: str) -> str:
    lowered = ctypes.c_char_p()
    _check(_library().nvrtcGetLoweredName(program, name.encode(), ctypes.byref(lowered)))
    return (lowered.value or b"").decode()


_WHERE = re.compile(r"^(?P<file>.+?)\((?P<line>\d+)\): (?P<what>(?:catastrophic )?error.*)$", re.M)
_NAMES = "__nv_name_map"
"""NVRTC's file name for the name expressions: an error there is a name missing in the source."""


def _fail(status: int, path: Path, arch: str, log: str) -> None:
    """CompileError with the first error of the source, and the log below it."""
    errors = sorted(_WHERE.finditer(log), key=lambda error: error["file"] == _NAMES)
    if not errors:
        message = f"{path}: {_library().nvrtcGetErrorString(status).decode()}"
    elif errors[0]["file"] == _NAMES:
        message = f"{path}: no such instance as is declared: {errors[0]['what']}"
    else:
        message = f"{errors[0]['file']}:{errors[0]['line']}: {errors[0]['what']}"
    kind = "does not compile" if status == _COMPILATION else "could not be compiled"
    raise CompileError(f"{message}\n{path.name} {kind} for {arch}:\n{log.strip()}")


def _check(status: int) -> None:
    """RuntimeError if `status` is an error: that would be a bug in this file."""
    if status:
        raise RuntimeError(f"NVRTC: {_library().nvrtcGetErrorString(status).decode()}")
