"""The `zfnet` application: all commands, and the handling of their errors."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import TextIO

import typer

from kernels.terminal import mistakes
from kernels.terminal.progress import ending_on_sigterm, say
from zfnet.cli.check import check_command
from zfnet.cli.check_run import check_run_command
from zfnet.cli.evaluate import evaluate_command
from zfnet.cli.export import export_command
from zfnet.cli.features import project_command
from zfnet.cli.import_ import import_command
from zfnet.cli.paper import COMMANDS, paper_command
from zfnet.cli.show import show_command
from zfnet.cli.tour import tour_command
from zfnet.cli.train import train_command
from zfnet.data import DataWarning
from zfnet.experiments.shared.runs import Stopped

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="ZFNet and its deconvnet: train a network, see what it learned. Begin with `zfnet tour`.",
)
app.command("tour")(tour_command)
app.command("train")(train_command)
app.command("check-run")(check_run_command)
app.command("evaluate")(evaluate_command)
app.command("project")(project_command)
app.command("import")(import_command)
app.command("show")(show_command)
app.command("export")(export_command)
EXPERIMENTS: dict[str, Callable[..., None]] = {
    **COMMANDS,
    "paper": paper_command,
    "check": check_command,
}
for _name, _command in EXPERIMENTS.items():
    app.command(_name, rich_help_panel="The paper's experiments")(_command)


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
        with ending_on_sigterm():
            mistakes.run(app, "zfnet", "a smaller --batch-size or --width needs less")
    except Stopped as stopped:
        say(str(stopped))
        sys.exit(stopped.status)
