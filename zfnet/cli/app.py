"""The `zfnet` application: all commands, and the handling of their errors."""

from __future__ import annotations

import sys
import warnings
from typing import TextIO

import typer

from kernels.terminal import mistakes
from kernels.terminal.progress import ending_on_sigterm, say
from zfnet.cli.commands import EXPERIMENTS, GENERAL
from zfnet.cli.on_demand import add
from zfnet.cli.processes import among_processes
from zfnet.signals import DataWarning, Stopped

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="ZFNet and its deconvnet: train a network, see what it learned. Begin with `zfnet tour`.",
)
add(app, GENERAL)
add(app, EXPERIMENTS, panel="The paper's experiments")

_usual = warnings.showwarning


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int,
    file: TextIO | None = None, line: str | None = None,
) -> None:  # fmt: skip
    """Warnings about the data are printed as sentences, others as Python prints them."""
    if issubclass(category, DataWarning):
        say(str(message))
    else:
        _usual(message, category, filename, lineno, file, line)


def main() -> None:
    """`zfnet`."""
    warnings.showwarning = _show_warning
    try:
        with among_processes(sys.argv[1:]), ending_on_sigterm():
            mistakes.run(app, "zfnet", "a smaller --batch-size or --width needs less")
    except Stopped as stopped:
        say(str(stopped))
        sys.exit(stopped.status)
