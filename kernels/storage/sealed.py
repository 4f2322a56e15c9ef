"""Text files with a checksum of their own: JSON objects have it as an entry, XML as a comment."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from typing import Any

from kernels.storage.checksum import Damaged

KEY = "crc32"
_COMMENT = re.compile(r"<!-- crc32 ([0-9a-f]{8}) -->\n\Z")


def sealed(table: Mapping[str, Any], indent: int | None = 1) -> str:
    """JSON text of `table` with the CRC-32 of what it says; keys are sorted."""
    return _text({**table, KEY: _crc(table)}, indent)


def unsealed(text: str, indent: int | None = 1) -> dict[str, Any]:
    """The object of a text that `sealed` wrote, or of any other without a checksum.

    Damaged if the text is not, to the last byte, what was written; ValueError if it is no object.
    """
    table = json.loads(text)
    if not isinstance(table, dict):
        raise ValueError(f"expected an object, got {type(table).__name__}")
    if not _is_marked(table):
        return table
    crc = table.pop(KEY, None)
    if crc != _crc(table) or text != _text({**table, KEY: crc}, indent):
        raise Damaged("it does not fit its checksum")
    return table


def is_sealed(text: str) -> bool:
    """Whether a JSON text has a checksum."""
    return _is_marked(json.loads(text))


def _is_marked(table: Mapping[str, Any]) -> bool:
    """Whether the name or the value of a checksum is there: damage spares one of them."""
    return KEY in table or any(str(value).startswith(KEY + ":") for value in table.values())


def sealed_xml(text: str) -> str:
    """An XML document with the CRC-32 of its text in a comment behind it."""
    return f"{text}<!-- crc32 {zlib.crc32(text.encode()):08x} -->\n"


def require_sealed_xml(text: str) -> None:
    """Damaged unless `sealed_xml` wrote the text, to the last byte."""
    found = _COMMENT.search(text)
    if found is None or sealed_xml(text[: found.start()]) != text:
        raise Damaged("it does not fit its checksum")


def _crc(table: Mapping[str, Any]) -> str:
    return f"{KEY}:{zlib.crc32(_text(table, None).encode()):08x}"


def _text(table: Mapping[str, Any], indent: int | None) -> str:
    return json.dumps(table, indent=indent, sort_keys=True) + "\n"
