"""Arrays and text in a safetensors file, written atomically and with a checksum.

A crash keeps the old file, and damaged bytes are noticed when the file is read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from kernels.storage import checksum
from kernels.storage.atomic import replacing
from kernels.terminal.sentences import shortened
from minidl import device
from minidl.sharing import aliases

ALIASES = "aliases"
"""The text with further names of arrays, {another name: the name in the file} as JSON."""

__all__ = ["load", "load_text", "replacing", "save"]


def save(
    path: str | os.PathLike[str],
    arrays: Mapping[str, np.ndarray],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write arrays (of any strides, on any device) and text.

    An array with several names is stored once, under the first; the text `ALIASES` has the others.
    OSError if the disk is full; the old file is then kept.
    """
    others, text = aliases(arrays), dict(metadata or {})
    if others:
        text[ALIASES] = json.dumps(others)
    once = {name: array for name, array in arrays.items() if name not in others}
    packed = {name: np.asarray(device.host(array), order="C") for name, array in once.items()}
    content = to_bytes(packed, {**text, checksum.NAME: checksum.NONE_YET})
    at, digits = checksum.digits_of(content)
    with replacing(path) as beside:
        beside.write_bytes(content)
        with beside.open("rb+") as file:
            file.seek(at)
            file.write(digits)


def load_text(path: str | os.PathLike[str]) -> dict[str, str]:
    """The text of a safetensors file alone; its arrays are neither read nor checked.

    Raises as `load` does.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no file {os.fspath(path)}")
    try:
        with safe_open(os.fspath(path), framework="numpy") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)} is not a whole safetensors file: {error}") from None


def load(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """(arrays, text) of a safetensors file; nothing in it is executed.

    Names of one array are names of one array again. The bytes of a file that `save` wrote are held
    against its checksum. FileNotFoundError without the file, ValueError if it is damaged or no
    safetensors.
    """

    def arrays(file: Any) -> dict[str, np.ndarray]:
        checksum.verify(path)
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118

    return _read(path, arrays)


def _read(
    path: str | os.PathLike[str], arrays: Callable[[Any], dict[str, np.ndarray]]
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    if not Path(path).is_file():
        raise FileNotFoundError(f"no file {os.fspath(path)}")
    try:
        with safe_open(os.fspath(path), framework="numpy") as file:
            text = file.metadata() or {}
            text.pop(checksum.NAME, None)
            return _with_aliases(arrays(file), text)
    except PermissionError:
        raise
    except (SafetensorError, OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        why = shortened(error)
        raise ValueError(f"{os.fspath(path)} is not a whole safetensors file: {why}") from None


def _with_aliases(
    arrays: dict[str, np.ndarray], text: dict[str, str]
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays under all their names, and the text without the table of names."""
    others = json.loads(text.pop(ALIASES, "{}"))
    if not isinstance(others, dict) or others.keys() & arrays.keys():
        raise ValueError(f"its {ALIASES} {others!r:.100} give a name twice, or are no table")
    lost = [name for name, kept in others.items() if kept not in arrays]
    if lost:
        raise ValueError(f"{lost[0]!r:.100} is another name of an array that it does not have")
    return arrays | {name: arrays[kept] for name, kept in others.items()}, text
