"""Tests of the README: its program runs as printed, its commands, options and links exist."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command

from zfnet.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_program_runs_and_projects_one_unit() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(program.strip().splitlines()) <= 11
    names: dict[str, object] = {}
    exec(program, names)
    pixels = names["pixels"].data  # type: ignore[attr-defined]
    inside = pixels[0, :, 8:19, 8:19]  # pool window (2, 2) begins at row 4, whose taps begin at 8
    assert np.count_nonzero(inside) == np.count_nonzero(pixels) > 0


def test_every_command_and_option_in_the_readme_exists() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    lines = re.findall(r"^zfnet ([\w-]+)(.*)$", README, flags=re.MULTILINE)
    assert len(lines) >= 5
    for name, rest in lines:
        known = {option for p in commands[name].loaded().params for option in p.opts}
        assert set(re.findall(r"--[\w-]+", rest)) <= known, name


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_every_link_in_the_readme_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists(), link
