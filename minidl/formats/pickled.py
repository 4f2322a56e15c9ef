"""Reader of PyTorch's state dictionaries (.pth, .pt) that executes nothing in them.

A pickle is a program: it may name any function and call it. A dictionary of tensors needs few
names, for which `minidl/formats/pickle_names.py` has harmless objects; every other name is refused.
Both formats of `torch.save` are read: the zip archive (data.pkl beside one file per storage), and
the older stream (some pickles, then the storages one after the other) of torchvision's VGGs of
2017.
"""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import reprlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kernels.terminal.sentences import shortened
from minidl.formats.pickle_keys import KeySizes
from minidl.formats.pickle_names import NAMES, Kind, Parameter, Storage, StoredTensor
from minidl.sharing import converted

MAGIC = 0x1950A86A20F9469CFC6C
"""The first object of the older format."""
MOST_PICKLE = 16 << 20
"""Most bytes of a pickle: the names and shapes of a hundred thousand tensors."""
MULTIPLE, SMALL = 4, 1 << 20
"""Most bytes of all arrays: so many times those of the file, and a MiB."""
AROUND = ("state_dict", "model")
"""The names under which training scripts save a model's dictionary among other objects."""


class _Reader(pickle.Unpickler):
    """An unpickler that knows only `NAMES`; `storages` are those that the pickle refers to."""

    def __init__(self, file: io.BytesIO, storages: dict[str, Storage]) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in NAMES:
            raise ValueError(
                f"asks for {module[:100]}.{name[:100]}, which no dictionary of tensors needs: "
                "nothing was executed. If it is a whole model, save `model.state_dict()` instead"
            )
        return NAMES[module, name]

    def persistent_load(self, pid: Any) -> Storage:
        match pid:
            case "storage", Kind(name=kind), str(key), _, int(numel), *part if numel >= 0:
                return self._storage(key, kind, numel, part)
        raise ValueError(f"asks for {reprlib.repr(pid)}, which is no storage")

    def _storage(self, key: str, kind: str, numel: int, part: list[Any]) -> Storage:
        found = self._storages.setdefault(key, Storage(kind, numel))
        if any(part) or (found.kind, found.numel) != (kind, numel):
            raise ValueError(
                f"storage {key[:100]!r} is seen in two ways, as {kind} of {numel} and as another "
                "or a part of it; only tensors are read as parts"
            )
        return found


def read_pth(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The arrays of a state dictionary by name; nothing in the file is executed.

    Half, bfloat16 and double precision become float32. Of a dictionary with an entry "state_dict"
    or "model" that entry is read. Memory is bounded by a small multiple of the file's size.
    FileNotFoundError without the file, ValueError with the reason for a file that cannot be read.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"no file {file}")
    try:
        found = _zipped(file) if zipfile.is_zipfile(file) else _stream(file)
        return _arrays(_tensors(found), file.stat().st_size)
    except PermissionError:
        raise
    # An archive may place a member before its own beginning: OSError.
    except (pickle.UnpicklingError, zipfile.BadZipFile, OSError, EOFError, LookupError,
            AttributeError, TypeError, ValueError, OverflowError, RuntimeError,
            MemoryError) as error:  # fmt: skip
        why = shortened(error) or type(error).__name__
        raise ValueError(f"{file} cannot be read as a PyTorch state dictionary: {why}") from None


def _zipped(file: Path) -> Any:
    storages: dict[str, Storage] = {}
    with zipfile.ZipFile(file) as archive:
        root = _root(archive)
        if f"{root}byteorder" in archive.namelist():
            order = _member(archive, f"{root}byteorder", len(b"little"))
            if order != b"little":
                raise ValueError(f"its numbers are in {order!r} order, only little-endian is read")
        found = _loaded(io.BytesIO(_member(archive, f"{root}data.pkl", MOST_PICKLE)), storages)
        _check_size(storages, file)
        for key, storage in storages.items():
            try:
                storage.fill(_member(archive, f"{root}data/{key}", storage.nbytes))
            except ValueError as error:
                raise ValueError(f"storage {key[:100]!r}: {error}") from None
    return found


def _root(archive: zipfile.ZipFile) -> str:
    """The folder in the archive, of any name."""
    pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise ValueError(f"an archive of torch.save has one data.pkl, this one has {len(pickles)}")
    return pickles[0].removesuffix("data.pkl")


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """A file of the archive; a compressed one, which torch.save does not write, is refused."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name[:100]} is compressed, which torch.save does not do")
    if info.file_size > most:
        raise ValueError(f"{name[:100]} has {info.file_size} bytes, expected {most} at most")
    return archive.read(info)


def _stream(file: Path) -> Any:
    storages: dict[str, Storage] = {}
    with open(file, "rb") as stream:
        head = io.BytesIO(stream.read(MOST_PICKLE))
        if _loaded(head, {}) != MAGIC:
            raise ValueError("neither a zip archive nor PyTorch's older format")
        for _ in ("protocol", "machine"):  # numbers are little-endian on every machine
            _loaded(head, {})
        found, keys = _loaded(head, storages), _loaded(head, {})
        _check_size(storages, file)
        stream.seek(head.tell())
        for key in keys:
            if key not in storages:
                raise ValueError(f"storage {reprlib.repr(key)} is no tensor's")
            storage = storages[key]
            (count,) = np.frombuffer(stream.read(8), "<i8")
            if count != storage.numel:
                raise ValueError(f"storage {key!r} has {count} numbers, not {storage.numel}")
            storage.fill(stream.read(storage.nbytes))
    return found


def _loaded(stream: io.BytesIO, storages: dict[str, Storage]) -> Any:
    """The next pickle.

    A pickle numbers its objects, and Python allocates a table as long as the largest number. So a
    number larger than that of any pickler is refused before, and tuples whose hashes would take
    long (`minidl/formats/pickle_keys.py`).
    """
    start, sizes = stream.tell(), KeySizes()
    for count, (operation, argument, _) in enumerate(pickletools.genops(stream)):
        if "PUT" in operation.name and argument is not None and argument > count:
            raise ValueError(f"it numbers one of its first {count} objects {argument}")
        sizes.follow(operation, argument)
    stream.seek(start)
    return _Reader(stream, storages).load()


def _check_size(storages: Mapping[str, Storage], file: Path) -> None:
    """ValueError, before memory is allocated, if the storages need more bytes than the file has."""
    needed, there = sum(storage.nbytes for storage in storages.values()), file.stat().st_size
    if needed > there:
        raise ValueError(f"its storages need {needed} bytes, the file has {there}")


def _tensors(found: Any) -> dict[str, StoredTensor]:
    """The dictionary of tensors: the saved object, or an entry of it named in `AROUND`."""
    if not isinstance(found, dict):
        raise ValueError(f"it holds a {type(found).__name__}, not a dictionary")
    inside = [name for name in AROUND if isinstance(found.get(name), dict)]
    if len(inside) > 1:
        raise ValueError(f"it has dictionaries under {' and '.join(inside)}: save one alone")
    named = found[inside[0]] if inside else found
    tensors = {n: v.tensor if isinstance(v, Parameter) else v for n, v in named.items()}
    others = [
        name
        for name, tensor in tensors.items()
        if not isinstance(name, str) or not isinstance(tensor, StoredTensor)
    ]
    if others or not tensors:
        what = f"its entries {reprlib.repr(others)} are no tensors by name"
        raise ValueError(what if others else "it is empty")
    return tensors


def _arrays(tensors: Mapping[str, StoredTensor], size: int) -> dict[str, np.ndarray]:
    """The arrays by name; several may share a storage, but not so as to multiply the file."""
    views = {name: tensor.view() for name, tensor in tensors.items()}
    needed, most = sum(view.nbytes for view in views.values()), MULTIPLE * size + SMALL
    if needed > most:
        raise ValueError(f"its arrays need {needed} bytes, and it has {size}")
    return converted(views, _copied)  # a tensor under two names stays one array


def _copied(view: np.ndarray) -> np.ndarray:
    return np.array(view, np.float32 if view.dtype.kind == "f" else view.dtype, order="C")
