"""Damage to a binary file of pieces and fields: PNG's chunks, JPEG's segments, a zip's entries."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.promises.damage.extremes import INTEGERS

SIZES = (100_000_000, 1), (1, 100_000_000), (10_000, 10_000), (65_000, 1_500), (40_000, 40_000)
"""Widths and heights, of 100 million pixels and more."""


@dataclass(frozen=True)
class Field:
    """A number in the file: where, how many bytes, in which order."""

    at: int
    size: int
    order: Literal["little", "big"] = "little"


@dataclass(frozen=True)
class Anatomy:
    """The structure of a file: ranges of bytes that are units, and numbers.

    size:     width and height, which a small file can claim to be anything.
    repaired: brings checksums in order, so that damage is not seen by them alone.
    """

    pieces: tuple[tuple[int, int], ...]
    fields: tuple[Field, ...]
    size: tuple[Field, ...] = ()
    repaired: Callable[[bytes], bytes] = bytes


def damaged(draw: random.Random, whole: bytes, anatomy: Anatomy) -> bytes:
    """The file with one to three faults, most of them in its structure."""
    data = whole
    if anatomy.size and draw.random() < 0.03:
        for field, side in zip(anatomy.size, draw.choice(SIZES), strict=True):
            data = _with(data, field, side)
    elif anatomy.fields and draw.random() < 0.7:
        data = extreme_fields(draw, data, anatomy.fields)
    elif anatomy.pieces:
        data = rearranged(draw, data, anatomy.pieces)
    if draw.random() < 0.8:
        data = anatomy.repaired(data)
    return raw(draw, data) if draw.random() < 0.2 else data


def extreme_fields(draw: random.Random, data: bytes, fields: tuple[Field, ...]) -> bytes:
    """One or two numbers become others."""
    for field in draw.sample(fields, min(len(fields), draw.randint(1, 2))):
        data = _with(data, field, draw.choice(INTEGERS))
    return data


def _with(data: bytes, field: Field, value: int) -> bytes:
    """The file with another number, of which the lowest bytes are stored."""
    stored = (value % 256**field.size).to_bytes(field.size, field.order)
    return data[: field.at] + stored + data[field.at + field.size :]


def rearranged(draw: random.Random, data: bytes, pieces: tuple[tuple[int, int], ...]) -> bytes:
    """One piece is dropped, repeated, cut short, or another one is in its place."""
    parts = [data[a:b] for a, b in pieces]
    head, tail, at = data[: pieces[0][0]], data[pieces[-1][1] :], draw.randrange(len(parts))
    match draw.randrange(5):
        case 0:
            del parts[at]
        case 1:
            parts[at] *= draw.choice([2, 3, 1_000])
        case 2:
            parts[at] = parts[at][: draw.randrange(len(parts[at]) + 1)]
        case 3:
            other = draw.randrange(len(parts))
            parts[at], parts[other] = parts[other], parts[at]
        case _:
            parts.insert(at, draw.choice(parts))
    return head + b"".join(parts) + tail


def raw(draw: random.Random, data: bytes) -> bytes:
    """Some bytes become others, or the end is missing."""
    if draw.random() < 0.3:
        return data[: draw.randrange(len(data) + 1)]
    changed = bytearray(data)
    for _ in range(draw.randint(1, 8) if changed else 0):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)
