"""Compilation of a kernel by g++ to a shared object, cached by its text, flags and machine.

A kernel without standard headers compiles in a second or two, once. A checked kernel is
instrumented: `-fsanitize=thread` calls a function before each access of memory, and
`-fsanitize=alignment,bounds,...` one after each failed check. The runtime provides these functions,
so no sanitizer library is linked (`-nodefaultlibs`).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from kernels.storage.atomic import replacing

HERE = Path(__file__).parent
# DWARF 5 would name the standard input instead of the kernel's file.
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
# Unique symbols would be shared by all loaded kernels, whatever their text.
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
_PROGRAM = (
    "-std=c++17",
    "-gdwarf-4",
    "-march=native",
    "-fPIC",
    "-shared",
    "-O2",
    "-w",
    "-fno-strict-aliasing",
    "-fno-gnu-unique",
    "-fstack-clash-protection",
)
_STANDARD = ("-nodefaultlibs", "-lstdc++", "-lm", "-lgcc_s", "-lgcc", "-lc")
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
    """Whether g++ is installed."""
    return shutil.which("g++") is not None


def runtime() -> Path:
    """The runtime as a shared object, compiled if it is not cached."""
    files = [*sorted((HERE / "runtime").iterdir()), HERE / "emulator.h", HERE / "vectors.h"]
    key = _digest(*(file.read_text() for file in files if file.is_file()), *_RUNTIME)
    return _built(key, (*_RUNTIME, str(HERE / "runtime" / "runtime.cpp")), "", "the runtime")


def kernel(text: str, name: str, checked: bool) -> Path:
    """A shared object with `emulator_entry` for the kernel `name` of the rewritten `text`.

    CompileError has g++'s message.
    """
    flags = (*_KERNEL, *(_CHECKS if checked else ()), f"-I{HERE}", "-include", "emulator.h")
    source = f'{text}\n#line 1 "kernel {name}"\nEMULATOR_ENTRY({name})\n'
    key = _digest(source, _headers(), *flags, *_LIBRARIES)
    return _built(
        key, (*flags, "-x", "c++", "-", "-x", "none", *_LIBRARIES), source, f"kernel {name}"
    )


def program(text: str, name: str, checked: bool, narrow: bool, host: Path) -> Path:
    """A shared object of a rewritten program with host code (`programs.py`).

    narrow: device memory is checked by bytes. CompileError has g++'s message.
    """
    flags = (*_PROGRAM, *(_CHECKS if checked else ()), f"-DEMULATOR_NARROW={int(narrow)}")
    flags += (f"-I{host}", f"-I{HERE}")
    headers = "\0".join(file.read_text() for file in sorted(host.glob("*.h")))
    key = _digest(text, _headers(), headers, *flags, *_STANDARD)
    return _built(key, (*flags, "-x", "c++", "-", "-x", "none", *_STANDARD), text, name)


def cache_folder() -> Path:
    """The cache of compiled kernels: `minidl/emulator` in $XDG_CACHE_HOME or ~/.cache."""
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
    """A folder of this process, used if the home is not writable."""
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
    with tempfile.TemporaryDirectory(prefix="minidl-emulator-") as elsewhere:
        output = Path(elsewhere, built.name)
        command = ["g++", *arguments, "-o", str(output)]
        run = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
        if run.returncode:
            raise CompileError(f"{what} does not compile:\n{run.stderr.strip()}")
        with replacing(built) as beside:  # g++ would make a file of its own there
            shutil.copyfile(output, beside)
    return built


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join((*parts, _machine())).encode()).hexdigest()[:24]


@cache
def _headers() -> str:
    return "\0".join(file.read_text() for file in sorted(HERE.glob("*.h")))


@cache
def _machine() -> str:
    """The processor, for `-march=native`, and the compiler: machines may share a home."""
    compiler = shutil.which("g++") or ""
    stamp = os.stat(compiler).st_mtime_ns if compiler else 0
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = ("model name", "flags", "Features", "CPU part")
    described = [line for line in lines if line.startswith(names)]
    return "\n".join([compiler, str(stamp), *sorted(set(described))])
