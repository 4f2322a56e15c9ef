"""Printable form of text from outside: names of files, classes and layers."""

from __future__ import annotations

import unicodedata

ESCAPED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of control characters, direction marks, surrogates and separators of lines."""
JOINERS = "\u200c\u200d"
"""Format characters that belong to the spelling of Persian and Indic words, and to emoji."""
NONCHARACTERS = "\ufffe\uffff"
"""Not allowed in XML, and so not in SVG."""


def printable(text: str, keep: str = "") -> str:
    r"""The text with every character escaped that would do more than stand there.

    A control character could move a terminal's cursor or end a line, a direction mark reorder what
    stands beside it, and a lone surrogate has no bytes in UTF-8. They become `\n`, `\x1b`,
    `\u202e`; a byte of a file's name that is no UTF-8, which Python reads as a surrogate (PEP 383),
    becomes `\xe9`. Letters of every script, combining marks and spaces stay.

    keep: characters that stay all the same, such as "\n" in a message of several lines.
    """
    if text.isprintable():
        return text
    return "".join(c if c in keep or _is_plain(c) else _escape(c) for c in text)


def _is_plain(character: str) -> bool:
    if character in NONCHARACTERS:
        return False
    return character in JOINERS or unicodedata.category(character) not in ESCAPED


def _escape(character: str) -> str:
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:  # PEP 383: byte b is read as the surrogate 0xDC00 + b
        return f"\\x{number - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
