"""Tests of docs/your-network.md: every command and option on it exists, its session runs."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

import minidl
from zfnet.cli.app import app
from zfnet.importing import PRESETS

pytestmark = pytest.mark.quick

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "your-network.md").read_text("utf-8")
BLOCKS = re.findall(r"^```\n(.*?)^```$", GUIDE, flags=re.DOTALL | re.MULTILINE)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.startswith("zfnet ")]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_can_be_typed(line: str) -> None:
    _, name, *arguments = shlex.split(line)
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    assert group.commands[name].make_context(name, arguments).params


def test_the_guide_has_commands_and_every_preset() -> None:
    assert len(COMMANDS) >= 8
    assert all(f"`{preset}`" in GUIDE for preset in PRESETS)
    assert "minidl.load_onnx(" in GUIDE and callable(minidl.load_onnx)


def test_its_session_runs_as_it_is_printed() -> None:
    report: list[str] = []
    session = re.sub(r"^```.*$", "", GUIDE, flags=re.MULTILINE)
    test = doctest.DocTestParser().get_doctest(session, {}, "your-network.md", None, 0)
    results = doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert results.attempted > 10
    assert results.failed == 0, "".join(report)
