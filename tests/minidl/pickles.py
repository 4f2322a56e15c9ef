"""Files of `torch.save`, written instruction by instruction: old versions, and malformed ones."""

from __future__ import annotations

import pickle
import struct
import zipfile
from pathlib import Path

from minidl.formats.pickled import MAGIC

START = pickle.PROTO + b"\x02"
NOTHING = pickle.EMPTY_TUPLE


def text(value: str) -> bytes:
    return pickle.BINUNICODE + struct.pack("<I", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    return pickle.LONG1 + b"\x08" + struct.pack("<q", value)


def row(*parts: bytes) -> bytes:
    """A tuple."""
    return pickle.MARK + b"".join(parts) + pickle.TUPLE


def numbers(*values: int) -> bytes:
    return row(*map(number, values))


def named(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def called(module: str, name: str, *arguments: bytes) -> bytes:
    return named(module, name) + row(*arguments) + pickle.REDUCE


def with_state(what: bytes, state: bytes) -> bytes:
    return what + state + pickle.BUILD


def storage(
    key: str = "0", numel: int = 35, kind: str = "FloatStorage", part: bytes = pickle.NONE
) -> bytes:
    fields = text("storage"), named("torch", kind), text(key), text("cpu"), number(numel), part
    return row(*fields) + pickle.BINPERSID


def tensor(
    stored: bytes | None = None,
    offset: int = 0,
    shape: tuple[int, ...] = (7, 5),
    strides: tuple[int, ...] = (5, 1),
) -> bytes:
    ordered = called("collections", "OrderedDict")
    return called(
        "torch._utils", "_rebuild_tensor_v2", stored or storage(), number(offset),
        numbers(*shape), numbers(*strides), pickle.NEWFALSE, ordered,
    )  # fmt: skip


def old_tensor(stored: bytes, shape: tuple[int, ...], strides: tuple[int, ...]) -> bytes:
    """A tensor in the format of PyTorch 0.1 to 0.3."""
    where = number(0), numbers(*shape), numbers(*strides)
    return called("torch._utils", "_rebuild_tensor", stored, *where)


def old_parameter(of: bytes) -> bytes:
    """An object made without arguments; the tensor comes with its state."""
    made = named("torch.nn.parameter", "Parameter") + NOTHING + pickle.NEWOBJ
    hooks = called("collections", "OrderedDict")
    return with_state(made, row(of, pickle.NONE, hooks, pickle.NEWTRUE, pickle.NEWFALSE))


def entries(**items: bytes) -> bytes:
    """A dictionary."""
    pairs = b"".join(text(name) + item for name, item in items.items())
    return pickle.EMPTY_DICT + pickle.MARK + pairs + pickle.SETITEMS


def archive(file: Path, pickled: bytes, storages: dict[str, bytes], **others: bytes) -> Path:
    """The zip format, with uncompressed members."""
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("a/data.pkl", START + pickled + pickle.STOP)
        for key, data in storages.items():
            made.writestr(f"a/data/{key}", data)
        for name, data in others.items():
            made.writestr(f"a/{name}", data)
    return file


def stream(file: Path, pickled: bytes, storages: dict[str, bytes], itemsize: int = 4) -> Path:
    """The older format."""
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    parts = [pickle.dumps(part, 2) for part in (MAGIC, 1001, machine)]
    parts += [START + pickled + pickle.STOP, pickle.dumps(list(storages), 2)]
    for data in storages.values():
        parts += [struct.pack("<q", len(data) // itemsize), data]
    file.write_bytes(b"".join(parts))
    return file
