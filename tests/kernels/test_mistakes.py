"""Mistakes of a user of any command: one message with what helps, status 2, never a traceback."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from kernels.terminal import mistakes

pytestmark = pytest.mark.quick


def told(error: BaseException, capsys: pytest.CaptureFixture[str]) -> str:
    """What a user reads where a command ends by `error`."""

    def command() -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        mistakes.run(command, "program", "smaller sizes need less")
    assert ended.value.code == 2
    return " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("number", sorted(mistakes.REMEDIES))
def test_an_error_of_the_system_names_the_path_and_what_helps(
    number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    error = OSError(number, os.strerror(number), "/some/place")
    expected = f"program: {os.strerror(number)}: /some/place; {mistakes.REMEDIES[number]}"
    assert told(error, capsys) == expected


def test_a_missing_folder_is_reported_without_an_error_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        (tmp_path / "none" / "file").write_text("")
    assert "Errno" not in told(missing.value, capsys)


@pytest.mark.parametrize("kind", [FileNotFoundError, OSError, ValueError, TypeError])
def test_a_sentence_of_ours_stands_as_it_is(
    kind: type[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(kind("there are 3 of 4"), capsys) == "program: there are 3 of 4"


def test_an_error_without_a_path_may_be_a_full_disk(capsys: pytest.CaptureFixture[str]) -> None:
    error = OSError(errno.EIO, "Input/output error")
    assert told(error, capsys) == "program: Input/output error: the disk may be full"


def test_memory_that_is_out_is_reported_with_what_needs_less(
    capsys: pytest.CaptureFixture[str],
) -> None:
    expected = "program: out of memory: 8 GB; smaller sizes need less"
    assert told(MemoryError("8 GB"), capsys) == expected
