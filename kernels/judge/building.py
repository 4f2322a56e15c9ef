"""Shared libraries of C, C++ and CUDA sources: sanitized for the checks, fast for the clock.

The compiler reads the source; nothing of it is run here.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from kernels.cuda.emulator import CompileError
from kernels.cuda.emulator.programs import library as emulated

CUDA = ".cu"
COMPILERS = {".c": "gcc", ".cc": "g++", ".cpp": "g++", ".cxx": "g++"}
COMMON = ("-shared", "-fPIC", "-fopenmp")
CHECKED = ("-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined",
           "-fno-sanitize-recover=all")  # fmt: skip
FAST = ("-O3", "-march=native")
SECONDS = 120


@dataclass(frozen=True)
class Library:
    """A shared library, and what a process needs that loads it.

    preload: the sanitizer's own library, which must be loaded first; "" without sanitizers.
    """

    path: str
    preload: str = ""


def is_source(source: str) -> bool:
    """Whether it is to be compiled."""
    return Path(source).suffix in (*COMPILERS, CUDA)


def built(source: str, folder: Path, checked: bool) -> Library:
    """The library of a source; ValueError with the compiler's first error, or if there is none."""
    suffix = Path(source).suffix
    compiler = COMPILERS.get(suffix, "g++")
    if shutil.which(compiler) is None:
        raise ValueError(
            f"{source} needs {compiler}, which is not installed (apt install g++ on Debian)"
        )
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{Path(source).stem}.so"
    preload = ""
    if suffix == CUDA:
        _emulate(source, target, checked)
    else:
        _compile(compiler, source, target, checked)
        preload = _sanitizer(compiler) if checked else ""
    task = Path(source).with_suffix(".py")
    if not checked and task.is_file():
        shutil.copyfile(task, target.with_suffix(".py"))
    return Library(str(target), preload)


def _compile(compiler: str, source: str, target: Path, checked: bool) -> None:
    flags = [*COMMON, *(CHECKED if checked else FAST)]
    try:
        done = subprocess.run(
            [compiler, *flags, "-o", str(target), str(Path(source).resolve()), "-lm"],
            capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"{source} does not compile within {SECONDS} s") from error
    if done.returncode:
        raise ValueError(f"{source} does not compile: {_first_error(done.stderr)}")


def _emulate(source: str, target: Path, checked: bool) -> None:
    """The library of a CUDA program for the emulator."""
    try:
        shutil.copyfile(emulated(Path(source).resolve(), checked), target)
    except CompileError as error:
        raise ValueError(f"{source} does not compile: {_first_error(str(error))}") from error


def _first_error(said: str) -> str:
    return next((line for line in said.splitlines() if "error:" in line), "no message")


def _sanitizer(compiler: str) -> str:
    asked = [compiler, "-print-file-name=libasan.so"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
