"""Tests of docs/pytorch.md: every name of ours that its tables give exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import minidl

PAGE = Path(__file__).resolve().parents[2] / "docs" / "pytorch.md"
pytestmark = pytest.mark.quick


def names() -> list[str]:
    """The names of the second column of each table."""
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [name for row in rows for name in re.findall(r"`(minidl[\w.]+)`", row.split(" | ")[1])]


def test_every_name_of_the_tables_exists() -> None:
    found = names()
    assert len(found) > 100
    missing = []
    for name in found:
        place: Any = minidl
        for part in name.split(".")[1:]:
            place = getattr(place, part, None)
        if place is None:
            missing.append(name)
    assert not missing
