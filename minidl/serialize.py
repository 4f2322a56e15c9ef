"""Arrays and text in a safetensors file, written atomically: a crash keeps the old file."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from minidl import device


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary file beside `path`; renamed to it at the end, removed if anything fails."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    beginning = os.fsdecode(os.fsencode(target.name)[:200])  # of a name of up to 255 bytes
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{beginning}.")
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        _sync(beside)
        beside.chmod(0o666 & ~_umask())
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def save(
    path: str | os.PathLike[str],
    arrays: Mapping[str, np.ndarray],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write arrays (of any strides, on any device) and text.

    OSError if the disk is full; the old file is then kept.
    """
    packed = {name: np.asarray(device.host(array), order="C") for name, array in arrays.items()}
    with replacing(path) as beside:
        # With an empty dictionary of text safetensors writes a header that it cannot read.
        beside.write_bytes(to_bytes(packed, dict(metadata) if metadata else None))


def load(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """(arrays, text) of a file that `save` wrote; nothing in it is executed.

    FileNotFoundError without the file, ValueError if it is damaged or no safetensors.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no file {os.fspath(path)}")
    try:
        with safe_open(os.fspath(path), framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except PermissionError:
        raise
    except (SafetensorError, OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"{os.fspath(path)} is not a whole safetensors file: {error}") from None


def _sync(path: Path) -> None:
    """Flush the file to disk, before it is renamed."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
