"""Tests of docs/your-own-kernel.md: it is executed as printed."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "your-own-kernel.md"
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)


def sessions() -> Iterator[tuple[str, str]]:
    """Each command of the page, with the output printed below it."""
    for block in blocks("console"):
        for session in block.split("$ ")[1:]:
            command, _, output = session.partition("\n")
            yield command, output


def run(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, shell=True, cwd=folder, env=environment, text=True,
                          capture_output=True, encoding="utf-8")  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def test_every_command_of_the_page_prints_what_the_page_says(tmp_path: Path) -> None:
    (source,) = blocks("python")
    (tmp_path / "my_conv.py").write_text(source.removeprefix("# my_conv.py\n"), encoding="utf-8")
    compare = doctest.OutputChecker().check_output
    for command, expected in sessions():
        found = run(command, tmp_path)
        assert compare(expected, found, OPTIONS), f"$ {command}\n{found}"


def test_the_kernel_of_the_page_has_twenty_lines() -> None:
    (source,) = blocks("python")
    assert len(source.removeprefix("# my_conv.py\n").splitlines()) <= 20
