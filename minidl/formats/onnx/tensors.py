"""Arrays of an ONNX file: stored in it, or in other files that it names.

A model is untrusted input, and it names the files to read. They must be inside the model's own
folder, after links are resolved, and hold exactly the bytes that the shape needs.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

FLOATS = (1, 10, 11, 16)
"""TensorProto.DataType of float32, float16, float64 and bfloat16."""
BFLOAT16 = 16
"""That of bfloat16: the upper half of a float32's bits."""
EXTERNAL = 1
"""TensorProto.data_location of an array in another file."""

MULTIPLE = 4
"""Most bytes of all arrays from one file, in bytes of the file: some are stored once and named
several times."""

# TensorProto.DataType -> the array's type, and the field of values that are not stored as bytes.
_TYPES: dict[int, tuple[str, str]] = {
    1: ("<f4", "float_data"),
    2: ("<u1", "int32_data"),
    3: ("<i1", "int32_data"),
    4: ("<u2", "int32_data"),
    5: ("<i2", "int32_data"),
    6: ("<i4", "int32_data"),
    7: ("<i8", "int64_data"),
    9: ("?", "int32_data"),
    10: ("<f2", "int32_data"),
    11: ("<f8", "double_data"),
    12: ("<u4", "uint64_data"),
    13: ("<u8", "uint64_data"),
    BFLOAT16: ("<u2", "int32_data"),
}


def to_array(tensor: Any, what: str, folder: Path | None) -> np.ndarray:
    """The array of a TensorProto, in its own type; bfloat16 as float32.

    `what` is its name in errors, `folder` the model's. ValueError for a type that is not a number,
    bytes that do not fit the shape, or data in a file outside of the folder.
    """
    shape = tuple(int(size) for size in tensor.dims)
    if fault := type_fault(tensor, what):
        raise ValueError(fault)
    dtype, field = _TYPES[tensor.data_type]
    if tensor.data_location == EXTERNAL:
        raw = _external(tensor, what, folder, math.prod(shape) * np.dtype(dtype).itemsize)
    elif tensor.HasField("raw_data"):
        raw = tensor.raw_data
    else:
        raw = _packed(list(getattr(tensor, field)), np.dtype(dtype), what)
    array = _shaped(raw, np.dtype(dtype), shape, what)
    return _widened(array) if tensor.data_type == BFLOAT16 else array


def type_fault(tensor: Any, what: str) -> str:
    """Why an array of this type or shape cannot be read; "" if it can."""
    shape = tuple(int(size) for size in tensor.dims)
    if tensor.data_type in _TYPES and min(shape, default=0) >= 0:
        return ""
    return (
        f"{what} is of type {type_name(tensor.data_type)} and shape {shape}; only floats, "
        "integers of 8 bits or more and bool, of no negative size, can be read"
    )


def _widened(bits: np.ndarray) -> np.ndarray:
    """The values of bfloat16 as float32, exactly."""
    return (bits.astype("<u4") << 16).view("<f4")


def check_external(tensors: Iterable[Any], folder: Path | None) -> None:
    """ValueError if arrays take more bytes from a file beside the model than several times its own:
    each is read for itself, so overlapping parts would multiply the file in memory."""
    taken, first = Counter[str](), dict[str, str]()
    for tensor in tensors:
        if tensor.data_location == EXTERNAL and tensor.data_type in _TYPES:
            entries = {entry.key: entry.value for entry in tensor.external_data}
            size = np.dtype(_TYPES[tensor.data_type][0]).itemsize
            location = entries.get("location", "")
            first.setdefault(location, tensor.name)
            taken[location] += math.prod(tensor.dims) * size
    for location, needed in taken.items():
        file = _inside(folder, location, f"initializer {first[location]!r}")
        if needed > MULTIPLE * file.stat().st_size:
            raise ValueError(
                f"its initializers are arrays of {needed} bytes from {file.name}, which has "
                f"{file.stat().st_size}"
            )


def type_name(number: int) -> str:
    """The standard's name of a TensorProto.DataType, for errors."""
    from onnx import TensorProto

    known = number in TensorProto.DataType.values()
    return TensorProto.DataType.Name(number) if known else f"number {number}"


def _packed(values: list[Any], dtype: np.dtype, what: str) -> bytes:
    """The bytes of values that the file lists one by one; a float16 is listed as its 16 bits."""
    listed = np.dtype("<u2") if dtype == np.float16 else dtype
    try:
        return np.array(values, listed).tobytes()
    except (OverflowError, ValueError):
        raise ValueError(f"{what} lists values that do not fit its type {dtype}") from None


def _shaped(raw: bytes, dtype: np.dtype, shape: tuple[int, ...], what: str) -> np.ndarray:
    needed = math.prod(shape) * dtype.itemsize
    if len(raw) != needed:
        raise ValueError(
            f"{what} holds {len(raw)} bytes, but its shape {shape} of {dtype} needs {needed}"
        )
    return np.frombuffer(raw, dtype).reshape(shape)  # (bytes,) -> the shape


def _external(tensor: Any, what: str, folder: Path | None, needed: int) -> bytes:
    """The tensor's bytes from another file."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    file = _inside(folder, entries.get("location", ""), what)
    size = file.stat().st_size
    offset = _number(entries, "offset", 0, what)
    length = _number(entries, "length", max(size - offset, 0), what)
    if length != needed or offset + length > size:
        raise ValueError(
            f"{what} takes {length} bytes from byte {offset} on of {file.name}, which has {size}; "
            f"its shape {tuple(tensor.dims)} needs {needed}"
        )
    with open(file, "rb") as opened:
        opened.seek(offset)
        return opened.read(length)


def _inside(folder: Path | None, location: str, what: str) -> Path:
    """The file `location` below `folder`; ValueError if it is outside of the folder."""
    if folder is None:
        raise ValueError(
            f"{what} is stored in the file {location!r}, and the model is not read from a file: "
            "give its path, or a model with its arrays in it (onnx.load_external_data_for_model)"
        )
    parts = PureWindowsPath(location).parts
    absolute = PurePosixPath(location).is_absolute() or PureWindowsPath(location).anchor
    if not parts or absolute or ".." in parts or "\0" in location:
        raise ValueError(
            f"{what} is stored in the file {location!r}; only a path inside the model's folder is "
            "read"
        )
    try:
        file = (folder / location).resolve()
        if not file.is_relative_to(folder.resolve()):
            raise ValueError(
                f"{what} is stored in the file {location!r}, a link that leaves the model's "
                "folder; only files inside it are read"
            )
        found = file.is_file()
    except (OSError, RuntimeError):  # a name that is too long, links in a circle
        found = False
    if not found:
        raise ValueError(
            f"{what} is stored in the file {location!r}, which is not in {_name(folder)}"
        )
    return file


def _number(entries: dict[str, str], key: str, default: int, what: str) -> int:
    text = entries.get(key, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ValueError(f"{what}: {key} of its file must be a number of bytes, got {text!r}")
    return int(text)


def _name(folder: Path) -> str:
    return os.fspath(folder) if folder.parts else "this folder"
