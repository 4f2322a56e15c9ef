"""A drawn share of damaged files; `python -m tests.promises --only mutations` tries all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.promises import reader
from tests.promises.mutations import GENERATORS, judged, read, whole_files
from tests.promises.reader import Outcome, Readers

INTENSE = os.environ.get("HYPOTHESIS_PROFILE") == "intense"
COUNT = 5_000 if INTENSE else 300
SEED = int.from_bytes(os.urandom(4)) if INTENSE else 0


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    with Readers() as opened:
        yield opened


@pytest.mark.parametrize("kind", GENERATORS)
def test_a_damaged_file_is_read_or_refused_within_memory_and_time(
    kind: str, readers: Readers, tmp_path: Path
) -> None:
    names = [f"{kind}-{SEED + number}" for number in range(COUNT)]
    broken = {name: found for name in names if (found := judged(readers, tmp_path, name))}
    assert not broken


@pytest.mark.parametrize("kind", whole_files())
def test_the_whole_files_are_read(kind: str, readers: Readers, tmp_path: Path) -> None:
    """Or else their damage would prove nothing."""
    for number, (suffix, content) in enumerate(whole_files()[kind]):
        outcome, broken = read(readers, tmp_path / str(number), kind, suffix, content)
        assert isinstance(outcome, Outcome)
        assert (outcome.text, broken) == ("", [])


def test_a_reader_that_does_something_else_is_found(
    readers: Readers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watch sees files elsewhere, a program, a socket, memory, an end, a loop without end."""
    seen = {}
    for deed in ("look", "write", "start", "connect", "fill", "end", "spin"):
        if deed == "spin":
            monkeypatch.setattr(reader, "LIMIT", 1.0)
        _, broken = read(readers, tmp_path / deed, "trap", ".txt", deed.encode())
        seen[deed] = str(broken)
    assert "it does open /etc/passwd" in seen["look"]
    assert "it does open" in seen["write"]
    assert "it does os.system" in seen["start"]
    assert "it does socket.connect" in seen["connect"]
    assert "MB of memory" in seen["fill"]
    assert "it ends by signal 9" in seen["end"]
    assert "it hangs" in seen["spin"]
