"""Damaged ONNX files: fields of the protocol buffer at extremes, repeated, dropped, exchanged."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from google.protobuf.descriptor import FieldDescriptor as Kind

from tests.minidl.onnx_graphs import classifier, model, node, onnx
from tests.promises.damage import binary
from tests.promises.damage.extremes import decimal, number, text

INTEGERS = {Kind.TYPE_INT32: 32, Kind.TYPE_INT64: 64, Kind.TYPE_UINT64: 64}
MOST_REPEATS = 300


def onnx_model(draw: random.Random) -> tuple[str, bytes]:
    """(suffix, content) of a damaged network."""
    proto = onnx.ModelProto()
    proto.CopyFrom(draw.choice(whole_models()))
    for _ in range(draw.randint(1, 3)):
        _change(draw, proto)
    content = proto.SerializeToString()
    return ".onnx", binary.raw(draw, content) if draw.random() < 0.15 else content


@cache
def whole_models() -> tuple[Any, ...]:
    """A classifier; and all kinds of settings in a chain."""
    return (classifier(13, ["N", 3, 8, 8]), _chain())


def _chain() -> Any:
    nodes = [
        node("Conv", "x w b", "c", kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1], group=1),
        node("LRN", "c", "l", size=3, alpha=1e-4, beta=0.75, bias=1.0),
        node("BatchNormalization", "l b b b v", "n", epsilon=1e-5),
        node("Clip", "n low high", "k"),
        node("AveragePool", "k", "a", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        node("MaxPool", "a", "m", kernel_shape=[3, 3], dilations=[1, 1], auto_pad="SAME_UPPER"),
        node("Reshape", "m to", "r"),
        node("Gemm", "r g gb", "s", alpha=0.5, transB=1),
        node("Softmax", "s", "y", axis=1),
    ]
    constants = {
        "w": np.ones((4, 3, 3, 3), np.float32), "b": np.zeros(4, np.float32),
        "v": np.ones(4, np.float32), "low": np.float32(0), "high": np.float32(6),
        "to": np.array([1, -1]),
        "g": np.ones((5, 4 * 4 * 4), np.float32), "gb": np.zeros(5, np.float32),
    }  # fmt: skip
    return model(nodes, ["N", 3, 8, 8], 13, **constants)


def messages(proto: Any) -> Iterator[Any]:
    """The message and all messages inside it."""
    yield proto
    for field, value in proto.ListFields():
        if field.type == Kind.TYPE_MESSAGE:
            for each in value if _repeated(field) else [value]:
                yield from messages(each)


def _repeated(field: Any) -> bool:
    return bool(field.is_repeated)


def _change(draw: random.Random, proto: Any) -> None:
    """One field of one message, set or not, becomes another."""
    message = draw.choice(list(messages(proto)))
    present = [field for field, _ in message.ListFields()]
    if not present or draw.random() < 0.15:
        present = list(message.DESCRIPTOR.fields)
    field = draw.choice(present)
    if draw.random() < 0.1:
        message.ClearField(field.name)
    elif _repeated(field):
        _change_list(draw, proto, getattr(message, field.name), field)
    elif field.type == Kind.TYPE_MESSAGE:
        getattr(message, field.name).SetInParent()
        _copy_another(draw, proto, getattr(message, field.name))
    else:
        setattr(message, field.name, _value(draw, field, getattr(message, field.name)))


def _change_list(draw: random.Random, proto: Any, values: Any, field: Any) -> None:
    at = draw.randrange(len(values)) if len(values) else 0
    kind = draw.randrange(5)
    if len(values) and kind == 0:
        del values[at]
    elif len(values) and kind == 1:
        values.extend([values[at]] * draw.choice([1, 2, MOST_REPEATS]))
    elif field.type == Kind.TYPE_MESSAGE:
        _copy_another(draw, proto, values.add())
    elif len(values) and kind < 4:
        values[at] = _value(draw, field, values[at])
    else:
        values.append(_value(draw, field, None))


def _copy_another(draw: random.Random, proto: Any, message: Any) -> None:
    """A message becomes like another one of its type; inside itself it is nested so many times."""
    alike = [m for m in messages(proto) if m.DESCRIPTOR.full_name == message.DESCRIPTOR.full_name]
    copy = type(message)()
    copy.CopyFrom(draw.choice(alike))
    message.CopyFrom(copy)


def _value(draw: random.Random, field: Any, before: Any) -> Any:
    """A value of the field's type, at an extreme."""
    if field.type in INTEGERS:
        bits = INTEGERS[field.type]
        value = number(draw) % 2**bits
        signed = field.type in (Kind.TYPE_INT32, Kind.TYPE_INT64) and value >= 2 ** (bits - 1)
        return value - 2**bits if signed else value
    if field.type == Kind.TYPE_ENUM:
        return draw.choice(field.enum_type.values).number
    if field.type in (Kind.TYPE_FLOAT, Kind.TYPE_DOUBLE):
        return decimal(draw)
    if field.type == Kind.TYPE_BYTES:
        data = before or b""
        return draw.choice([b"", data[:-1], data + b"x", data * 2, b"\xff" * 40, b"SAME_UPPER"])
    return text(draw)
