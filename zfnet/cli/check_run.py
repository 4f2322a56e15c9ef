"""`zfnet check-run`: which files of a run are whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from kernels.storage.folders import holder_of
from kernels.terminal.progress import console, say
from zfnet.run_check import Finding, check_run

STYLES = {True: "green", False: "bold red", None: "dim"}
DAMAGED = 1


def check_run_command(
    run: Annotated[Path, typer.Argument(help="The folder of a run.", show_default=False)],
) -> None:
    """Say which files of a run are whole, to the last byte, and change nothing.

    Weights, checkpoint, kernels and curve are held against their checksums, the log and the list of
    images against the checkpoint. Exit status 0: all are whole; 1: some are damaged or missing; 2:
    there is no run.
    """
    findings = check_run(run)
    console.print(_table(findings))
    holder = holder_of(run)
    if holder:
        say(f"The run is in use by {holder}.")
    damaged = [finding.name for finding in findings if finding.whole is False]
    if damaged:
        say(f"{len(damaged)} of {len(findings)} files are damaged or missing: {', '.join(damaged)}")
        raise typer.Exit(DAMAGED)
    say(f"All that can be checked in {run} is whole.")


def _table(findings: list[Finding]) -> Table:
    table = Table("file", "state", "content", box=None, header_style="bold")
    for finding in findings:
        state = Text(finding.verdict, style=STYLES[finding.whole])
        table.add_row(Text(finding.name), state, Text(finding.what))
    return table
