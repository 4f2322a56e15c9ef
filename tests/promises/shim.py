"""Compilation of the shim that lets storage calls fail, `tests/shared/storage_faults.c`."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
from functools import cache
from pathlib import Path

from kernels.cuda.emulator.build import cache_folder

SOURCE = Path(__file__).resolve().parents[1] / "shared" / "storage_faults.c"
ARMED = {"never": 0, "once": 1, "ever": 2, "kill": 3}
"""The enumeration of the C file."""


def missing() -> str:
    """Why storage calls cannot be made to fail on this machine; empty if they can."""
    if platform.system() != "Linux":
        return "LD_PRELOAD is Linux's"
    return "" if _compiler() else "failing storage calls needs a C compiler: gcc, cc or g++"


def preloaded() -> dict[str, str]:
    """The environment in which a process has the shim; empty if there is no compiler."""
    if missing():
        return {}
    others = os.environ.get("LD_PRELOAD", "")
    return {"LD_PRELOAD": " ".join(filter(None, [str(_built()), others]))}


@cache
def _compiler() -> str | None:
    return next(filter(None, map(shutil.which, ("gcc", "cc", "g++"))), None)


@cache
def _built() -> Path:
    """The shared object, compiled if it is not cached."""
    key = hashlib.sha256(f"{SOURCE.read_text()}{_compiler()}".encode()).hexdigest()[:24]
    built = cache_folder() / f"storage-faults-{key}.so"
    if not built.exists():
        beside = built.with_suffix(f".{os.getpid()}.so")
        command = [str(_compiler()), "-x", "c", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra"]
        subprocess.run([*command, str(SOURCE), "-o", str(beside), "-ldl"], check=True)
        beside.replace(built)
    return built
