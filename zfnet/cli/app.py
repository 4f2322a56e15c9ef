"""The commands together, and what becomes of their errors."""

from __future__ import annotations

import sys

import typer
from rich.console import Console
from rich.text import Text

from zfnet.cli.evaluate import evaluate_command
from zfnet.cli.look import features_command, project_command
from zfnet.cli.tour import tour_command
from zfnet.cli.train import train_command

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="ZFNet and its deconvnet: train a network, see what it learned. Begin with `zfnet tour`.",
)
app.command("tour")(tour_command)
app.command("train")(train_command)
app.command("evaluate")(evaluate_command)
app.command("features")(features_command)
app.command("project")(project_command)


def main() -> None:
    """Run a command; what the user can mend is told in a line, without a traceback."""
    try:
        app()
    except (ValueError, TypeError, FileNotFoundError) as error:
        _complain(str(error))
    except OSError as error:
        _complain(f"{error.strerror or error}: {error.filename or 'the disk may be full'}")
    except MemoryError as error:
        _complain(f"out of memory: {error}; a smaller --batch-size or --width needs less")


def _complain(message: str) -> None:
    line = Text.assemble(("zfnet:", "bold red"), " ", message)
    Console(stderr=True).print(line, soft_wrap=True)
    sys.exit(2)
