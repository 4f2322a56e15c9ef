"""g++: a kernel becomes a shared object, kept under a name that its text, flags and machine give.

A kernel without standard headers compiles in a second or two and is compiled once. Checked, it is
instrumented: `-fsanitize=thread` calls a function before each access of memory and
`-fsanitize=alignment,bounds,...` one where types do not hold; the runtime provides both, so that
no sanitizer's own library is linked (`-nodefaultlibs`).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
# DWARF 5 gives the name of the text piped in where the kernel's own is asked for.
_SHARED = (
    "-std=c++17",
    "-gdwarf-4",
    "-march=native",
    "-fPIC",
    "-shared",
    "-fno-exceptions",
    "-fno-rtti",
)
_RUNTIME = (*_SHARED, "-O2", "-fvisibility=hidden", "-Wall", "-Wextra", "-pthread")
# Unique symbols would be one over all kernels ever loaded, whatever their text.
_KERNEL = (
    *_SHARED,
    "-O2",
    "-w",
    "-fno-strict-aliasing",
    "-fvisibility=hidden",
    "-fno-gnu-unique",
    "-fno-plt",
    "-fstack-clash-protection",
)
_LIBRARIES = ("-nodefaultlibs", "-lm", "-lc", "-lgcc")
_CHECKS = (
    "-DEMULATOR_CHECKED",
    "-fsanitize=thread",
    "--param=tsan-instrument-func-entry-exit=0",
    "-fsanitize=alignment,bounds,integer-divide-by-zero,shift",
    "-fno-sanitize-recover=all",
)


class CompileError(RuntimeError):
    """g++ did not accept a kernel; the message is g++'s, with the kernel's own lines."""


def available() -> bool:
    """Is there a g++?"""
    return shutil.which("g++") is not None


def runtime() -> Path:
    """The runtime as a shared object, compiled if need be."""
    files = [*sorted((HERE / "runtime").iterdir()), HERE / "emulator.h", HERE / "vectors.h"]
    key = _digest(*(file.read_text() for file in files if file.is_file()), *_RUNTIME)
    return _built(key, (*_RUNTIME, str(HERE / "runtime" / "runtime.cpp")), "", "the runtime")


def kernel(text: str, name: str, checked: bool) -> Path:
    """A shared object with `emulator_entry` for the kernel `name` of the rewritten `text`.

    CompileError: g++ says why not.
    """
    flags = (*_KERNEL, *(_CHECKS if checked else ()), f"-I{HERE}", "-include", "emulator.h")
    source = f'{text}\n#line 1 "kernel {name}"\nEMULATOR_ENTRY({name})\n'
    key = _digest(source, _headers(), *flags, *_LIBRARIES)
    return _built(
        key, (*flags, "-x", "c++", "-", "-x", "none", *_LIBRARIES), source, f"kernel {name}"
    )


def cache_folder() -> Path:
    """Where compiled kernels are kept: `minidl/emulator` in $XDG_CACHE_HOME or ~/.cache."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(root) / "minidl" / "emulator"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return _own_folder()


@cache
def _own_folder() -> Path:
    """For this process, where there is no home to write to."""
    return Path(tempfile.mkdtemp(prefix="minidl-emulator-"))


def _built(key: str, arguments: tuple[str, ...], source: str, what: str) -> Path:
    built = cache_folder() / f"{key}.so"
    if built.exists():
        return built
    if not available():
        raise RuntimeError(
            "the CUDA emulator compiles kernels with g++, which is not on the PATH: "
            "`apt install g++` (or your system's equivalent) would put it there"
        )
    beside = built.with_suffix(f".{os.getpid()}.so")
    command = ["g++", *arguments, "-o", str(beside)]
    run = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    if run.returncode:
        raise CompileError(f"{what} does not compile:\n{run.stderr.strip()}")
    beside.replace(built)
    return built


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join((*parts, _machine())).encode()).hexdigest()[:24]


@cache
def _headers() -> str:
    return "\0".join(file.read_text() for file in sorted(HERE.glob("*.h")))


@cache
def _machine() -> str:
    """What `-march=native` depends on, and the compiler: a home may be shared by machines."""
    compiler = shutil.which("g++") or ""
    stamp = os.stat(compiler).st_mtime_ns if compiler else 0
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = ("model name", "flags", "Features", "CPU part")
    described = [line for line in lines if line.startswith(names)]
    return "\n".join([compiler, str(stamp), *sorted(set(described))])
