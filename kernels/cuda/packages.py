"""NVIDIA's compiler and disassembler from pip, without a GPU, a driver or the toolkit.

    nvidia-cuda-nvrtc      libnvrtc.so.13, which compiles CUDA C++ to machine code (a cubin)
    nvidia-cuda-nvdisasm   nvdisasm, which prints that code

The paths of the files are read from the package's metadata: both packages install into
`nvidia/cu13`, but versions differ in the folder's name.
"""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

NVRTC = "nvidia-cuda-nvrtc"
NVDISASM = "nvidia-cuda-nvdisasm"
REQUIREMENTS = {NVRTC: "nvidia-cuda-nvrtc==13.0.*", NVDISASM: "nvidia-cuda-nvdisasm>=13.2,<14"}
"""PyPI has nvdisasm since 13.2; a newer one reads older code."""


class Missing(ValueError):
    """A package is missing or incomplete; the message has the command that installs it."""


def require() -> None:
    """Raise Missing, with the command that installs what is missing, unless both are installed."""
    missing = [name for name in REQUIREMENTS if version(name) is None]
    if missing:
        raise Missing(f"{' and '.join(missing)} not installed: {_command(missing)}")


def version(name: str) -> str | None:
    """The installed version of a package, None if there is none."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def file_of(name: str, pattern: str) -> Path:
    """The package's file whose name `pattern` matches in full; Missing if there is none."""
    try:
        files = importlib.metadata.files(name) or []
    except importlib.metadata.PackageNotFoundError:
        raise Missing(f"{name} is not installed: {_command([name])}") from None
    for file in files:
        path = Path(str(file.locate()))
        if re.fullmatch(pattern, file.name) and path.is_file():
            return path
    raise Missing(
        f"{name} {version(name)} is installed, but no file of it is called {pattern}: "
        f"{_command([name])} --force-reinstall"
    )


def _command(names: list[str]) -> str:
    return "pip install " + " ".join(f"'{REQUIREMENTS[name]}'" for name in names)
