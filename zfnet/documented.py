"""Dataclass fields with a help text, from which the command line makes options."""

from __future__ import annotations

from dataclasses import field
from typing import Any

HELP, LEAST = "help", "least"
"""Keys of a field's metadata."""


def documented(default: Any, text: str, *, least: int | None = None) -> Any:
    """A field with this default, this help text and, where given, a smallest value."""
    return field(default=default, metadata={HELP: text, LEAST: least})
