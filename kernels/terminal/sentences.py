"""Sentences about a file that quote what is in it, at a readable length."""

from __future__ import annotations

MOST = 500
"""Characters of a reason; a file can hold names of any length, and any number of them."""


def shortened(reason: object) -> str:
    """The text of a reason on one line; of a longer one the beginning and the end."""
    text = " ".join(str(reason).split())
    if len(text) <= MOST:
        return text
    half = (MOST - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"
