"""Damaged files of `torch.save`: programs of pickle's instructions, in both containers."""

from __future__ import annotations

import pickle
import pickletools
import random
import struct
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.minidl import pickles
from tests.promises.damage.binary import Anatomy, Field, damaged, raw
from tests.promises.damage.extremes import BEYOND, INTEGERS, text

ZEROS = {"0": bytes(4 * 35)}
HOSTILE = (
    ("os", "system"), ("builtins", "eval"), ("posix", "system"), ("builtins", "__import__"),
    ("collections", "OrderedDict"), ("torch", "FloatStorage"), ("torch._utils", "_rebuild_tensor"),
    ("torch.nn.parameter", "Parameter"), ("numpy", "ones"), ("builtins", "bytearray"),
)  # fmt: skip


def program(draw: random.Random) -> tuple[str, bytes]:
    """(suffix, content) of a damaged state dictionary."""
    steps = list(whole_steps())
    for _ in range(draw.randint(1, 3)):
        _change(draw, steps)
    pickled = b"".join(steps)
    older = draw.random() < 0.4
    with TemporaryDirectory() as folder:
        write = pickles.stream if older else pickles.archive
        content = write(Path(folder) / "w.pth", pickled, ZEROS).read_bytes()
    if not older and draw.random() < 0.15:
        content = damaged(draw, content, _zip(content))
    return ".pth", raw(draw, content) if draw.random() < 0.1 else content


@cache
def whole_steps() -> tuple[bytes, ...]:
    """The instructions of a dictionary with tensors of both formats; START and STOP are added."""
    old = pickles.old_parameter(pickles.old_tensor(pickles.storage(), (5,), (1,)))
    whole = pickles.START + pickles.entries(w=pickles.tensor(), old=old) + pickle.STOP
    starts = [at for _, _, at in pickletools.genops(whole)]
    steps = [whole[a:b] for a, b in zip(starts, [*starts[1:], len(whole)], strict=True)]
    return tuple(steps[1:-1])


def _change(draw: random.Random, steps: list[bytes]) -> None:
    """One instruction dropped, repeated, exchanged, given another argument; or some put in."""
    at = draw.randrange(len(steps)) if steps else 0
    kind = draw.randrange(8) if steps else 7
    if kind == 0:
        del steps[at]
    elif kind == 1:
        steps[at] *= draw.choice([2, 50, 100_000])
    elif kind == 2:
        other = draw.randrange(len(steps))
        steps[at], steps[other] = steps[other], steps[at]
    elif kind in (3, 4):
        steps[at] = _other_argument(draw, steps[at])
    elif kind == 5:
        steps[at:at] = steps[at : at + draw.randint(1, 30)]
    else:
        steps.insert(at, _inserted(draw))


def _other_argument(draw: random.Random, step: bytes) -> bytes:
    name = step[:1]
    if name == pickle.LONG1:
        return _number(draw)
    if name == pickle.BINUNICODE:
        return pickles.text(text(draw))
    if name == pickle.GLOBAL:
        return pickles.named(*draw.choice(HOSTILE))
    return _inserted(draw)


def _number(draw: random.Random) -> bytes:
    value = draw.choice(INTEGERS + BEYOND)
    encoded = pickle.encode_long(value)
    return pickle.LONG1 + bytes([len(encoded)]) + encoded


def _inserted(draw: random.Random) -> bytes:
    """Instructions that are a trap, or that merely do not belong there."""
    # The pair of a pair with itself, again and again: 2^n parts, of which one is kept.
    doubled = pickle.EMPTY_TUPLE + (pickle.DUP + pickle.TUPLE2) * draw.choice([20, 60, 1_000])
    deep = pickle.EMPTY_TUPLE + pickle.TUPLE1 * draw.choice([100, 100_000])
    lists = pickle.EMPTY_LIST * 5_000 + pickle.APPEND * 4_999
    hostile = draw.choice(HOSTILE)
    return draw.choice(
        [
            doubled, deep, lists, doubled + pickle.NONE + pickle.SETITEM,
            deep + pickle.NONE + pickle.SETITEM, doubled + pickle.BINPERSID,
            pickles.called(*hostile, pickles.text("touch /tmp/executed")),
            pickles.with_state(pickles.called(*hostile), deep), pickle.BINBYTES8 + b"\xff" * 8,
            pickle.LONG4 + struct.pack("<i", 2**31 - 1), pickle.BINUNICODE8 + b"\xff" * 8,
            pickle.FRAME + struct.pack("<Q", 2**62), pickle.BINPUT + b"\xff", pickle.POP,
            pickle.LONG_BINPUT + struct.pack("<I", 2**31 - 1), pickle.BINGET + b"\x00",
            pickle.MARK, pickle.TUPLE, pickle.REDUCE, pickle.BUILD, pickle.SETITEMS, pickle.STOP,
            pickle.NEWOBJ, pickle.STACK_GLOBAL, pickle.EXT1 + b"\x01", pickle.NEXT_BUFFER,
            pickle.INT + b"9" * 100_000 + b"\n", pickle.FLOAT + b"1e999\n", _number(draw),
        ]
    )  # fmt: skip


def _zip(data: bytes) -> Anatomy:
    """The fields of local headers, of the central directory and of its end."""
    fields, pieces = [], []
    signatures = (
        (b"PK\x03\x04", 30, (8, 14, 18, 22, 26)),
        (b"PK\x01\x02", 46, (10, 16, 20, 24, 28, 42)),
        (b"PK\x05\x06", 22, (8, 10, 12, 16)),
    )
    for signature, length, offsets in signatures:
        at = data.find(signature)
        while at >= 0:
            pieces.append((at, at + length))
            fields += [
                Field(at + offset, 2 if offset in (8, 10, 26, 28) else 4) for offset in offsets
            ]
            at = data.find(signature, at + 4)
    return Anatomy(tuple(sorted(pieces)), tuple(fields))
