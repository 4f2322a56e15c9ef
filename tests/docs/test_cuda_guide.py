"""Tests of docs/cuda.md: its example runs as printed, its commands exist, its tables are complete.

Commands that take minutes or need a GPU are parsed and not run.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

import bench.cli
import kernels
from kernels.cli.app import app as kernels_app
from kernels.cuda import emulator
from kernels.cuda.emulator.undefined import KINDS
from kernels.verify.mutants import MUTANTS
from tests.shared.cuda_compiling import needs_compiler
from zfnet.cli.app import app as zfnet_app

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "cuda.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = README.split("\n## CUDA\n")[1].split("\n## ")[0]
FENCES = r"^```(\w*)\n(.*?)^```$"
BLOCKS = re.findall(FENCES, GUIDE, flags=re.DOTALL | re.MULTILINE)
TYPED = "".join(
    b for t in (GUIDE, SECTION) for lang, b in re.findall(FENCES, t, re.M | re.S) if not lang
)
COMMANDS = sorted({line.split("  #")[0].strip() for line in TYPED.splitlines() if line.strip()})
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
needs_gpp = pytest.mark.skipif(not emulator.available(), reason="the emulator needs g++")


def sessions() -> Iterator[tuple[str, str]]:
    """Each command of the page with the output printed below it."""
    for language, block in BLOCKS:
        for session in block.split("$ ")[1:] if language == "console" else ():
            command, _, output = session.partition("\n")
            yield command, output


def compiles(command: str) -> bool:
    """True if the command needs NVIDIA's compiler."""
    return "compile_mine" in command or "cuda-report" in command


def write_files(folder: Path) -> None:
    """Write the files of the page, each with its name in its first line."""
    for language, block in BLOCKS:
        if language in ("cpp", "python"):
            name = block.split("\n", 1)[0].split(maxsplit=1)[1]
            (folder / name).write_text(block, encoding="utf-8")


def run(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, shell=True, cwd=folder, env=environment, text=True,
                          capture_output=True, encoding="utf-8")  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def compare(folder: Path, of_compiler: bool) -> None:
    write_files(folder)
    agree = partial(doctest.OutputChecker().check_output, optionflags=OPTIONS)
    for command, expected in sessions():
        if compiles(command) == of_compiler:
            found = run(command, folder)
            assert agree(expected, found), f"$ {command}\n{found}"


@needs_gpp
def test_the_example_runs_breaks_and_is_verified_as_the_page_says(tmp_path: Path) -> None:
    compare(tmp_path, of_compiler=False)


@needs_compiler
def test_what_compiling_says_is_what_the_page_says(tmp_path: Path) -> None:
    compare(tmp_path, of_compiler=True)


def test_the_page_has_sessions_of_both_kinds() -> None:
    kinds = [compiles(command) for command, _ in sessions()]
    assert kinds.count(False) >= 10 and kinds.count(True) >= 2


def understood(program: str, arguments: list[str]) -> dict[str, object]:
    """The command line as its program parses it, without running it."""
    command = get_command(PROGRAMS[program])
    if isinstance(command, TyperGroup) and arguments and arguments[0] in command.commands:
        command, arguments = command.commands[arguments[0]], arguments[1:]
    return command.make_context(program, arguments).params


PROGRAMS = {"kernels": kernels_app, "bench": bench.cli.app, "zfnet": zfnet_app}


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_can_be_typed(line: str) -> None:
    words = shlex.split(line)
    if words[0] == "pip":
        (extras,) = re.findall(r"\.\[(.+)\]", words[-1])
        setup = (ROOT / "setup.py").read_text(encoding="utf-8")
        assert words[:3] == ["pip", "install", "-e"]
        assert all(f'"{extra}": [' in setup or f'"{extra}": {extra.upper()}' in setup
                   for extra in extras.split(","))  # fmt: skip
    elif words[0] == "pytest":
        conftest = (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")
        assert words[1] == "--device" and f'"{words[2]}"' in conftest
    else:
        assert understood(
            *((words[2], words[3:]) if words[0] == "python" else (words[0], words[1:]))
        )


def test_an_option_that_does_not_exist_would_be_found() -> None:
    with pytest.raises(Exception, match="No such option: --device"):
        understood("kernels", ["cuda-report", "--device", "cuda"])


@pytest.mark.parametrize(
    "command",
    [
        "pip install -e '.[cuda13]'",
        "pytest --device cuda",
        "python -m bench --device cuda --against torch",
        "python -m kernels verify --device emulator",
        "python -m kernels verify --mutants --op conv2d --kernel implicit_gemm",
        "python -m kernels cuda-report",
        "zfnet train --data DIR --out run --device cuda",
    ],
)
def test_the_readme_has_the_command(command: str) -> None:
    assert re.search(rf"^{re.escape(command)}(?:  +#.*)?$", SECTION, flags=re.MULTILINE)


def test_the_pages_state_that_nothing_has_run_on_a_gpu() -> None:
    above_the_table = GUIDE.split("\n## The kernels\n")[1].split("\n|")[0]
    assert all("has run on a GPU" in text for text in (SECTION, above_the_table))
    assert "\n## What has never run on a GPU\n" in GUIDE


def in_table() -> set[tuple[str, str]]:
    """Operation and name of each kernel in the page's table; an empty cell repeats that above."""
    rows = re.findall(r"^\| (.*?) ?\| (\[.*?) \| .* \|$", GUIDE, flags=re.MULTILINE)
    found, operations = set(), list[str]()
    for first, second in rows:
        operations = re.findall(r"`(\w+)`", first) or operations
        found |= {(op, name) for op in operations for name in re.findall(r"`(\w+)`", second)}
    return found


def test_every_kernel_in_the_table_is_registered() -> None:
    assert in_table() <= {
        (k.operation, k.name) for k in kernels.all_kernels() if k.device == "cuda"
    }
    assert len(in_table()) >= 30


def test_the_table_of_reports_has_every_kind() -> None:
    assert set(re.findall(r"^\| `(\w+)` \| [^[]", GUIDE, flags=re.MULTILINE)) == set(KINDS[1:])


def test_as_many_bugs_are_planted_as_the_page_says() -> None:
    (caught, planted) = re.findall(r"(\d+) of (\d+) planted bugs are caught", GUIDE)[0]
    ours = [m for m in MUTANTS if (m.operation, m.kernel) == ("conv2d", "implicit_gemm")]
    assert int(caught) == int(planted) == len(ours)


LINKS = sorted(set(re.findall(r"\]\(([^)#:]+)\)", GUIDE)))


@pytest.mark.parametrize("link", LINKS)
def test_every_link_in_the_guide_leads_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link).exists()
