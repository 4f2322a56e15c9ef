"""CRC-32 of a safetensors file, kept in the file's own header.

The checksum is of all bytes of the file, with zeros in place of its own digits. Any damage of up to
32 bits in a row is noticed for certain, any other but for one in 2^32 (Koopman 2002). A file from
elsewhere has none and is read without. Half of what marks a checksum (its name, the first letters
of its value) is enough to ask for a right one, so that damage to the mark does not pass as a file
from elsewhere.
"""

from __future__ import annotations

import os
import re
import zlib

NAME = "minidl.checksum"
"""Its name among the texts of a file."""
_VALUE = "minidl-crc32:"
NONE_YET = _VALUE + 8 * "0"
"""The value while the file's bytes are made."""
_WRITTEN = re.compile(rb'"minidl\.checksum":"minidl-crc32:([0-9a-f]{8})"')
_LONGEST_HEADER = 100_000_000
"""Bytes, as in safetensors itself."""
_CHUNK = 1 << 20


class Damaged(ValueError):
    """A file whose bytes are not those that were written."""


def digits_of(content: bytes) -> tuple[int, bytes]:
    """Where the digits belong in the bytes of a file with NONE_YET, and the digits."""
    length = int.from_bytes(content[:8], "little")
    found = _WRITTEN.search(content, 8, 8 + length)
    if found is None:
        raise ValueError(f"the header has no {NAME!r} to fill in")
    return found.start(1), _digits(zlib.crc32(content))


def verify(path: str | os.PathLike[str]) -> bool:
    """Compare a file with its checksum; False if it has none. Damaged if they differ.

    OSError if the file cannot be read.
    """
    with open(path, "rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > _LONGEST_HEADER:
            return False  # no safetensors file at all
        header = file.read(length)
        found = _WRITTEN.search(header)
        if found is None:
            if NAME.encode() in header or _VALUE.encode() in header:
                raise Damaged("its checksum is damaged")
            return False
        at, end = found.span(1)
        crc = zlib.crc32(start + header[:at] + 8 * b"0" + header[end:])
        while chunk := file.read(_CHUNK):
            crc = zlib.crc32(chunk, crc)
    if _digits(crc) != found[1]:
        raise Damaged(
            f"its bytes have the checksum {_digits(crc).decode()}, those that were written had "
            f"{found[1].decode()}"
        )
    return True


def _digits(crc: int) -> bytes:
    return b"%08x" % crc
