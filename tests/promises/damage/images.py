"""Damaged pictures: PNG, JPEG, TIFF, BMP, GIF, WebP and PPM files that Pillow wrote."""

from __future__ import annotations

import io
import random
import re
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from tests.promises.damage.binary import Anatomy, Field, damaged
from tests.promises.damage.extremes import number

SIGNATURE = b"\x89PNG\r\n\x1a\n"
BOMB = zlib.compress(bytes(64 << 20), 9)
"""64 MiB of zeros in 64 kB."""
WRITTEN: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("PNG", "RGB", {}), ("PNG", "RGBA", {}), ("PNG", "L", {}), ("PNG", "1", {}),
    ("PNG", "P", {"transparency": bytes(range(16))}), ("PNG", "I;16", {}), ("PNG", "LA", {}),
    ("JPEG", "RGB", {}), ("JPEG", "L", {"progressive": True}), ("JPEG", "CMYK", {}),
    ("JPEG", "RGB", {"progressive": True}), ("TIFF", "RGB", {}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}), ("TIFF", "L", {"compression": "packbits"}),
    ("TIFF", "CMYK", {"compression": "tiff_adobe_deflate"}), ("BMP", "RGB", {}), ("BMP", "P", {}),
    ("GIF", "P", {}), ("GIF", "P", {"save_all": True}), ("WEBP", "RGB", {}),
    ("WEBP", "RGBA", {"lossless": True}), ("WEBP", "RGB", {"save_all": True}), ("PPM", "RGB", {}),
    ("PPM", "L", {}), ("PPM", "1", {}),
)  # fmt: skip
"""Format, mode and options of the whole files."""


def image(draw: random.Random) -> tuple[str, bytes]:
    """(suffix, content) of a damaged picture of at most 24 x 20 pixels."""
    kind, whole = draw.choice(whole_images())
    if kind == "PPM":
        return ".ppm", _ppm(draw, whole)
    if kind == "PNG" and draw.random() < 0.1:
        return ".png", _with_bomb(draw, whole)
    return f".{kind.lower()}", damaged(draw, whole, ANATOMIES[kind](whole))


@cache
def whole_images() -> tuple[tuple[str, bytes], ...]:
    """(format, content) of pictures of noise."""
    noise = np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)
    made = []
    for kind, mode, options in WRITTEN:
        first = Image.fromarray(noise)
        if mode == "I;16":
            first = Image.fromarray(noise[..., 0].astype(np.uint16) * 257)
        else:
            first = first.convert(mode)
        more = {"append_images": [first.rotate(90)]} if "save_all" in options else {}
        exif = {"exif": _exif()} if kind in ("JPEG", "WEBP") else {}
        file = io.BytesIO()
        first.save(file, kind, **options, **more, **exif)
        made.append((kind, file.getvalue()))
    return tuple(made)


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation
    exif[0x010E] = "a description"
    return exif.tobytes()


def _png(data: bytes) -> Anatomy:
    pieces, fields = [], []
    for start, length, name in _chunks(data):
        pieces.append((start, start + 12 + length))
        fields.append(Field(start, 4, "big"))
        if name == b"IHDR":
            fields += [Field(start + 8, 4, "big"), Field(start + 12, 4, "big")]
            fields += [Field(start + 16 + i, 1, "big") for i in range(5)]
    size = Field(16, 4, "big"), Field(20, 4, "big")
    return Anatomy(tuple(pieces), tuple(fields), size, _with_checksums)


def _chunks(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(start, length, name) of each chunk, as far as they can be followed."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if at + 12 + length > len(data):
            return
        yield at, length, data[at + 4 : at + 8]
        at += 12 + length


def _with_checksums(data: bytes) -> bytes:
    changed = bytearray(data)
    for start, length, _ in _chunks(data):
        end = start + 8 + length
        changed[end : end + 4] = zlib.crc32(changed[start + 4 : end]).to_bytes(4, "big")
    return bytes(changed)


def _with_bomb(draw: random.Random, data: bytes) -> bytes:
    """A chunk behind the header that becomes much larger when it is decompressed."""
    name = draw.choice([b"zTXt", b"iTXt", b"iCCP", b"IDAT", b"eXIf"])
    front = {b"zTXt": b"a\0\0", b"iTXt": b"a\0\1\0\0\0", b"iCCP": b"a\0\0"}.get(name, b"")
    content = front + BOMB
    chunk = struct.pack(">I", len(content)) + name + content + bytes(4)
    at = len(SIGNATURE) + 25
    return _with_checksums(data[:at] + chunk * draw.choice([1, 1, 20]) + data[at:])


def _jpeg(data: bytes) -> Anatomy:
    pieces, fields, at, size = [], [], 2, ()
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xD9:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        end = at + 2 + length
        if marker == 0xDA:  # the scan's data run to the next marker
            found = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]").search(data, end)
            end = found.start() if found else len(data)
        pieces.append((at, end))
        fields.append(Field(at + 2, 2, "big"))
        if 0xC0 <= marker <= 0xC2:
            size = Field(at + 7, 2, "big"), Field(at + 5, 2, "big")
            fields += [Field(at + 5, 2, "big"), Field(at + 7, 2, "big"), Field(at + 4, 1)]
            fields += [Field(at + 9 + i, 1) for i in range(length - 7)]
        elif marker in (0xC4, 0xDA, 0xDB, 0xDD):
            fields += [Field(at + 4 + i, 1) for i in range(min(length - 2, 4))]
        elif marker == 0xE1:  # EXIF is TIFF
            fields += [Field(at + 10 + i, 4, "big") for i in range(4, length - 14, 2)]
        at = end
    return Anatomy(tuple(pieces), tuple(fields), size)


def _tiff(data: bytes) -> Anatomy:
    (directory,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, directory)
    entries = [directory + 2 + 12 * i for i in range(count)]
    fields = [Field(4, 4), Field(directory, 2), Field(directory + 2 + 12 * count, 4)]
    for at in entries:
        fields += [Field(at, 2), Field(at + 2, 2), Field(at + 4, 4), Field(at + 8, 4)]
    size = tuple(Field(at + 8, 4) for at in entries if data[at] < 2 and data[at + 1] == 1)
    return Anatomy(tuple((at, at + 12) for at in entries), tuple(fields), size)


def _bmp(data: bytes) -> Anatomy:
    fields = [Field(at, 4) for at in (2, 10, 14, 18, 22, 30, 34, 38, 46, 50)]
    fields += [Field(26, 2), Field(28, 2)]
    pieces = (0, 14), (14, 54), (54, len(data))
    return Anatomy(pieces, tuple(fields), (Field(18, 4), Field(22, 4)))


def _gif(data: bytes) -> Anatomy:
    frames = [found.start() for found in re.finditer(rb",\0\0\0\0", data)]
    fields = [Field(6, 2), Field(8, 2), Field(10, 1), Field(11, 1)]
    for at in frames:
        fields += [Field(at + 1 + 2 * i, 2) for i in range(4)] + [Field(at + 9, 1)]
    return Anatomy(tuple((at, at + 10) for at in frames), tuple(fields), (fields[0], fields[1]))


def _webp(data: bytes) -> Anatomy:
    pieces, fields, at = [], [Field(4, 4)], 12
    while at + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 4)
        end = min(at + 8 + length + length % 2, len(data))
        pieces.append((at, end))
        fields += [Field(at + 4, 4), Field(at + 8, 4), Field(at + 12, 3), Field(at + 15, 3)]
        at = end
    return Anatomy(tuple(pieces), tuple(fields))


ANATOMIES = {
    "PNG": _png, "JPEG": _jpeg, "TIFF": _tiff, "BMP": _bmp, "GIF": _gif, "WEBP": _webp,
}  # fmt: skip


def _ppm(draw: random.Random, data: bytes) -> bytes:
    """One of the numbers of the header, which is text, becomes another one."""
    numbers = list(re.finditer(rb"\d+", data[:16]))
    found = draw.choice(numbers)
    value = draw.choice([str(number(draw)), "9" * 400, "0x10", ""]).encode()
    return data[: found.start()] + value + data[found.end() :]
