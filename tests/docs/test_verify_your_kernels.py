"""Tests of docs/verify-your-kernels.md: its repository is built, and its commands are executed."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import kernels
from kernels.cli.report_files import Files
from kernels.cli.run_report import RunReport
from kernels.verify import PROPERTIES, Outcome
from kernels.verify.replay import Run
from kernels.verify.suite import Plan

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "verify-your-kernels.md").read_text(encoding="utf-8")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def files() -> dict[str, str]:
    """The files of the page by their paths, which are their first lines."""
    found = re.findall(r"^```(?:toml|python|yaml)\n# (\S+)\n(.*?)^```", PAGE, re.M | re.S)
    return dict(found)


def sessions() -> Iterator[tuple[str, str]]:
    """Each command of the page, with the output printed below it."""
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.M | re.S):
        for session in block.split("$ ")[1:]:
            command, _, output = session.partition("\n")
            yield command, output


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The page's repository; the plugin is found there as in an installation."""
    for name, text in files().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "installed").mkdir()
    plugin = ROOT / "kernels" / "verify" / "plugin"
    (tmp_path / "installed" / "pytest_kernels").symlink_to(plugin)
    return tmp_path


def run(command: str, folder: Path) -> str:
    """The output of a command in an environment that has the project installed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = re.sub(r"^pytest", "python -m pytest -p pytest_kernels", command)
    environment = {
        **os.environ,
        "PATH": path,
        "PYTHONPATH": os.pathsep.join([str(folder / "installed"), str(ROOT)]),
        "PYTHONIOENCODING": "utf-8",
    }
    done = subprocess.run(command, shell=True, cwd=folder, env=environment, text=True,
                          capture_output=True, encoding="utf-8")  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done.stdout


def test_every_command_of_the_page_prints_what_the_page_says(repository: Path) -> None:
    compare = doctest.OutputChecker().check_output
    for command, expected in sessions():
        found = run(command, repository)
        assert compare(expected, found, OPTIONS), f"$ {command}\n{found}"


def test_the_files_of_the_page_are_those_of_its_layout() -> None:
    (layout,) = re.findall(r"^```\nmy-kernels/\n(.*?)^```", PAGE, re.M | re.S)
    assert [line.split()[0] for line in layout.splitlines()] == list(files())
    settings = tomllib.loads(files()["pyproject.toml"])
    assert settings["tool"]["pytest"]["ini_options"]["kernels"] == ["my_kernels/*.py"]


def test_the_ci_of_the_page_runs_the_commands_that_the_page_tries() -> None:
    commands = re.findall(r"^ *- run: (.*)$", files()[".github/workflows/kernels.yml"], re.M)
    assert "pytest" in commands
    tried = " ".join(command for command, _ in sessions())
    for option in ("--json verify.json", "--junit verify.xml"):
        assert any(option in command for command in commands) and option in tried


def test_the_page_lists_every_field_of_a_report() -> None:
    kernel, law = kernels.named("relu", "elementwise"), PROPERTIES["definition"]
    failing = Outcome(kernel, law, 1, unmet="wrong")
    report = RunReport(Files(), Plan([(kernel, law)], [], []), Run("few", 0), {})
    table = report.table([failing], 1, {}, ended=True)
    (tried,) = table["kernels"]
    fields = {*table, *tried, *tried["properties"][0]} - {"format"}
    listed = set(re.findall(r"`(\w+)`", PAGE.split("## Reports")[1].split("## A folder")[0]))
    assert not fields - listed
