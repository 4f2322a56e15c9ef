"""Tests of docs/compare-rules.md: its commands can be typed, its program gives what it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from zfnet.cli.app import app

pytestmark = pytest.mark.quick

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "compare-rules.md").read_text("utf-8")
LINES = [line for line in GUIDE.splitlines() if line.startswith("zfnet ")]


@pytest.mark.parametrize("line", LINES)
def test_a_command_can_be_typed(line: str) -> None:
    _, name, *arguments = shlex.split(line, comments=True)
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    assert group.commands[name].make_context(name, arguments).params


def test_every_option_on_the_page_exists() -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    command: Any = group.commands["compare-rules"]
    known = {option for p in command.loaded().params for option in p.opts}
    assert len(LINES) >= 4 and set(re.findall(r"--[a-z][\w-]*", GUIDE)) <= known


def test_its_program_gives_what_it_says() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE, flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)
    assert names["check"].mean("absolute")[0] == pytest.approx(1)
    assert names["check"].mean("absolute")[1] < 0.5
    played = names["pointing_game"](names["maps"], names["objects"], tolerance=2)
    assert played.rate == 1.0
    best = names["deletion_curve"](names["score"], names["image"], names["attribution"])
    worst = names["deletion_curve"](names["score"], names["image"], -names["attribution"])
    assert best.area < worst.area
