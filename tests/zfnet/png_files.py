"""PNG files written chunk by chunk: depths and chunks that Pillow does not write."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6


def samples(*values: int) -> bytes:
    """Numbers of 16 bits, as PNG stores them."""
    return struct.pack(f">{len(values)}H", *values)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int, depth: int, colour: int, row: bytes, chunks: Sequence[tuple[bytes, bytes]] = ()
) -> bytes:
    """A picture of one row, given as its packed bytes."""
    header = struct.pack(">IIBBBBB", width, 1, depth, colour, 0, 0, 0)
    before = b"".join(chunk(kind, body) for kind, body in chunks)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" + row))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + pixels + chunk(b"IEND", b"")
