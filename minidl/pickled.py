"""PyTorch's state dictionaries (.pth, .pt) as arrays, without executing what is in them.

A pickle is a program: it may ask for any function by its name and call it. What a dictionary of
tensors needs are six names, and these become harmless objects here; every other name is refused.
Both formats of `torch.save` are read: the zip archive (data.pkl beside a file a storage), and the
older stream (some pickles, then the storages one after the other).
"""

from __future__ import annotations

import io
import math
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
"""What the older format begins with."""
MOST_PICKLE = 64 << 20
"""Bytes of a pickle: names and shapes, no weights."""
KINDS = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": "<u2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
"""NumPy's type for each storage; bfloat16 is the upper half of a float32."""


class _Kind:
    """The type of a storage."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class _Storage:
    """Numbers in a row, filled in once they are read."""

    __slots__ = ("kind", "numel", "values")

    def __init__(self, kind: _Kind, numel: int) -> None:
        self.kind, self.numel = kind.name, int(numel)
        self.values: np.ndarray | None = None

    @property
    def nbytes(self) -> int:
        return self.numel * np.dtype(KINDS[self.kind]).itemsize

    def fill(self, data: bytes) -> None:
        if len(data) != self.nbytes:
            raise ValueError(f"a storage of {self.numel} numbers has {len(data)} bytes")
        values = np.frombuffer(data, KINDS[self.kind])
        if self.kind == "BFloat16Storage":
            values = (values.astype(np.uint32) << 16).view(np.float32)
        self.values = values


class _Tensor:
    """A view of a storage."""

    __slots__ = ("offset", "shape", "storage", "strides")

    def __init__(self, storage: Any, offset: Any, shape: Any, strides: Any) -> None:
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def array(self) -> np.ndarray:
        """The numbers, copied; ValueError for a view that leaves its storage."""
        if not isinstance(self.storage, _Storage) or self.storage.values is None:
            raise ValueError("a tensor without a storage")
        values = self.storage.values
        offset, shape, strides = int(self.offset), tuple(self.shape), tuple(self.strides)
        last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
        outside = min((offset, *shape, *strides)) < 0 or last >= len(values)
        if math.prod(shape) and outside:
            raise ValueError(
                f"a tensor of shape {shape} and strides {strides} from {offset} on does not lie in "
                f"its storage of {len(values)} numbers"
            )
        steps = tuple(s * values.itemsize for s in strides)
        view = np.lib.stride_tricks.as_strided(values[offset:], shape, steps, writeable=False)
        narrow = view.dtype in (np.float16, np.float64)
        return np.array(view, np.float32 if narrow else view.dtype, order="C")


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_rest: Any) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


def _parameter(tensor: Any, *_rest: Any) -> Any:
    return tensor


class _Reader(pickle.Unpickler):
    """A pickle in which six names mean something; `storages` are those that it asked for."""

    def __init__(self, file: IO[bytes], storages: dict[str, _Storage]) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        match module, name:
            case "collections", "OrderedDict":
                return OrderedDict
            case "torch._utils", "_rebuild_tensor_v2":
                return _tensor
            case "torch._utils", "_rebuild_parameter":
                return _parameter
            case "torch", storage if storage in KINDS:
                return _Kind(storage)
        raise ValueError(
            f"asks for {module}.{name}, which no dictionary of tensors needs: nothing was "
            "executed. If it is a whole model, save `model.state_dict()` instead"
        )

    def persistent_load(self, pid: Any) -> _Storage:
        if not isinstance(pid, tuple) or len(pid) < 5 or not isinstance(pid[1], _Kind):
            raise ValueError(f"asks for {pid!r}, which is no storage")
        key, numel = str(pid[2]), pid[4]
        if not isinstance(numel, int) or numel < 0:
            raise ValueError(f"storage {key!r} has {numel!r} numbers")
        if key not in self._storages:
            self._storages[key] = _Storage(pid[1], numel)
        return self._storages[key]


def read_pth(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The arrays of a state dictionary by name; nothing in the file is executed.

    Half and double precision become float32. A dictionary under "state_dict" or "model" is taken
    out of what lies around it. FileNotFoundError without the file, ValueError that says what is
    wrong with it.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"no file {file}")
    storages: dict[str, _Storage] = {}
    try:
        found = _zipped(file, storages) if zipfile.is_zipfile(file) else _stream(file, storages)
        return {name: tensor.array() for name, tensor in _tensors(found).items()}
    except (pickle.UnpicklingError, zipfile.BadZipFile, EOFError, LookupError, AttributeError,
            TypeError, ValueError, OverflowError, ImportError) as error:  # fmt: skip
        raise ValueError(f"{file} cannot be read as a PyTorch state dictionary: {error}") from None


def _zipped(file: Path, storages: dict[str, _Storage]) -> Any:
    with zipfile.ZipFile(file) as archive:
        (pickled,) = (i for i in archive.infolist() if i.filename.endswith("/data.pkl"))
        root = pickled.filename.removesuffix("data.pkl")
        if pickled.file_size > MOST_PICKLE:
            raise ValueError(f"its pickle has {pickled.file_size} bytes, more than {MOST_PICKLE}")
        if f"{root}byteorder" in archive.namelist():
            order = archive.read(f"{root}byteorder")
            if order != b"little":
                raise ValueError(f"its numbers are in {order!r} order, only little-endian is read")
        found = _Reader(io.BytesIO(archive.read(pickled)), storages).load()
        for key, storage in storages.items():
            info = archive.getinfo(f"{root}data/{key}")
            if info.file_size != storage.nbytes:  # (before any of it is unpacked)
                raise ValueError(
                    f"storage {key!r} has {info.file_size} bytes, its {storage.numel} numbers "
                    f"need {storage.nbytes}"
                )
            storage.fill(archive.read(info))
    return found


def _stream(file: Path, storages: dict[str, _Storage]) -> Any:
    with open(file, "rb") as stream:
        if _Reader(stream, {}).load() != MAGIC:
            raise ValueError("neither a zip archive nor PyTorch's older format")
        for _ in ("protocol", "machine"):
            _Reader(stream, {}).load()
        found = _Reader(stream, storages).load()
        for key in _Reader(stream, {}).load():
            storage = storages[str(key)]
            (count,) = np.frombuffer(stream.read(8), "<i8")
            if count != storage.numel:
                raise ValueError(f"storage {key!r} has {count} numbers, not {storage.numel}")
            storage.fill(stream.read(storage.nbytes))
    return found


def _tensors(found: Any) -> Mapping[str, _Tensor]:
    """The dictionary of tensors: what was saved, or what is named so in it."""
    if isinstance(found, _Tensor) or not isinstance(found, Mapping):
        raise ValueError(f"it holds a {type(found).__name__.strip('_')}, not a dictionary")
    for name in ("state_dict", "model"):
        if isinstance(found.get(name), Mapping):
            return _tensors(found[name])
    others = [name for name, value in found.items() if not isinstance(value, _Tensor)]
    if others or not found:
        raise ValueError(f"its entries {others[:5]} are no tensors" if others else "it is empty")
    return {str(name): value for name, value in found.items()}
