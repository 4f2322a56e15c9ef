"""Start of a program: what an import and `zfnet --help` import, and what they leave for later.

An import takes processor time before anything is shown. So modules that a first result does not
need are imported when they are asked for.
"""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from zfnet.cli.commands import EXPERIMENTS, GENERAL
from zfnet.cli.paper import COMMANDS

LIST = """
import sys
try:
    {program}
except SystemExit:
    pass
print("\\n".join(sys.modules), file=sys.stderr)
"""
HELP = "sys.argv = ['zfnet', '--help']; from zfnet.cli import main; main()"


def imported(program: str) -> set[str]:
    """The modules that a new process has imported after running `program`."""
    run = [sys.executable, "-c", LIST.format(program=program)]
    return set(subprocess.run(run, capture_output=True, text=True, check=True).stderr.split())


def test_importing_minidl_imports_no_kernel_of_an_operation() -> None:
    seen = imported("import minidl")
    assert "kernels.contract.registry" in seen
    assert not seen & {"kernels.conv2d.direct", "kernels.matmul", "kernels.winograd.tiles"}
    assert not seen & {"scipy.linalg", "onnx", "PIL", "matplotlib", "sklearn", "torch"}
    assert not seen & {"minidl.formats.onnx", "minidl.formats.torch_module"}


def test_the_list_of_commands_needs_none_of_them() -> None:
    seen = imported(HELP)
    assert "typer" in seen
    assert not seen & {"minidl", "matplotlib", "sklearn", "scipy.stats", "zfnet.cli.paper"}


def test_a_command_imports_what_it_needs_alone() -> None:
    seen = imported("sys.argv = ['zfnet', 'show', '--help']; from zfnet.cli import main; main()")
    assert "zfnet.cli.show" in seen and "zfnet.cli.paper" not in seen


@pytest.mark.parametrize("name", [*GENERAL, *EXPERIMENTS])
def test_a_line_of_the_list_is_the_first_of_the_commands_docstring(name: str) -> None:
    entry = {**GENERAL, **EXPERIMENTS}[name]
    assert entry.summary == (inspect.getdoc(entry.load()) or "").splitlines()[0]


@pytest.mark.parametrize("name", list(COMMANDS))
def test_a_part_of_the_paper_is_the_command_of_that_name(name: str) -> None:
    assert EXPERIMENTS[name].load() is COMMANDS[name]


REGISTERED = """
import kernels
from kernels import all_kernels, named, pick, register, registry
{first}
print([(k.operation, k.name, k.device) for k in all_kernels()])
"""


@pytest.mark.parametrize(
    "first",
    [
        "import kernels.conv2d.winograd_tiles",
        "import kernels.conv2d_dgrad.cuda_flipped",
        "named('max_pool2d', 'pairs')",
    ],
)
def test_the_order_of_kernels_is_the_same_whatever_was_asked_for_first(first: str) -> None:
    def listed(first: str) -> str:
        run = [sys.executable, "-c", REGISTERED.format(first=first)]
        return subprocess.run(run, capture_output=True, text=True, check=True).stdout

    assert "winograd_1d" in listed(first)
    assert listed(first) == listed("pass")


def test_a_users_kernel_may_not_have_the_name_of_one_that_is_not_imported_yet() -> None:
    program = """
import kernels
try:
    kernels.kernel("conv2d", name="direct", cost=lambda g: 1.0)(lambda x, w, g: x)
except ValueError as error:
    print(error, file=sys.stderr)
"""
    run = [sys.executable, "-c", "import sys" + program]
    seen = subprocess.run(run, capture_output=True, text=True, check=True).stderr
    assert "a kernel named 'direct' for 'cpu' is registered already" in seen
