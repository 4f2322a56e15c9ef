"""Tests of docs/runs.md: its commands exist, and the files that it names are those of a run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from zfnet.checkpoint import CHECKPOINT, CURVE, KERNELS, LOG
from zfnet.cli.app import app
from zfnet.network import FILE

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "runs.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^zfnet .*$", GUIDE, flags=re.MULTILINE)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_registered_and_takes_these_options(line: str) -> None:
    _, name, *arguments = shlex.split(line)
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    group.commands[name].make_context(name, arguments)


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 2


def test_every_file_of_a_run_is_described() -> None:
    for name in (CHECKPOINT, FILE, LOG, CURVE, KERNELS, "images-DIGEST.jsonl"):
        assert f"`{name}`" in GUIDE
