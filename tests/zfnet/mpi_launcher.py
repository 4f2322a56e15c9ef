"""MPI's launcher in the tests: where mpi4py is, and a skip, or in CI a failure, where it is not."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ZFNET = [sys.executable, "-c", "from zfnet.cli import main; main()"]


def mpiexec() -> str:
    """The mpiexec of this environment, or the system's."""
    own = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")
    if own is None or importlib.util.find_spec("mpi4py") is None:
        missing = "mpi4py and mpiexec are missing: pip install 'minidl-zfnet[mpi]'"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return own


def environment(**more: str) -> dict[str, str]:
    """This process's, with its path of modules, for the processes of a launcher."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), **more}
