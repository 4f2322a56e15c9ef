"""`python -m kernels show`: an operation on a few numbers, written as matrices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from kernels.cli import show_options as options
from kernels.contract.registry import Kernel
from kernels.show import pictures
from kernels.show.check import Check, check
from kernels.show.requests import Request, sheet_of
from kernels.show.sheets import Section, Sheet
from kernels.show.tables import table
from kernels.storage.atomic import replacing
from kernels.terminal.progress import console, say

WIDEST = 64  # columns that are printed, more than fit on a screen


def show_command(
    operation: options.Operation,
    input: options.Input = "4x4",
    kernel: options.Window = None,
    stride: options.Stride = None,
    padding: options.Padding = "0",
    dilation: options.Dilation = "1",
    groups: options.Groups = 1,
    channels: options.Channels = 1,
    filters: options.Filters = 1,
    batch: options.Batch = 1,
    seed: options.Seed = 0,
    x: options.Image = None,
    w: options.Weights = None,
    gy: options.Gradient = None,
    algorithm: options.Algorithm = None,
    csv: options.Csv = None,
    picture: options.Picture = None,
) -> None:
    """Print an operation as matrices, for your own sizes and numbers."""
    sheet = sheet_of(
        Request(
            *(operation, input, kernel, stride, padding, dilation, groups, channels, filters),
            *(batch, seed, algorithm, x, w, gy),
        )
    )
    _require_printable(sheet, csv is not None or picture is not None)
    if picture is not None and picture.suffix != ".svg":
        raise ValueError(f"--picture {picture}: the picture is SVG, so the name should end in .svg")
    drawn = pictures.of_sheet(sheet) if picture is not None else ""
    checked = check(sheet, algorithm)
    for section in sheet.sections:
        _print(section)
    if csv is not None:
        _write_csv(sheet.sections, csv)
    if picture is not None:
        pictures.write(picture, drawn)
        say(f"\nthe picture is in {picture}")
    _print_check(checked)
    if not checked.holds:
        raise typer.Exit(1)


def _require_printable(sheet: Sheet, written: bool) -> None:
    """ValueError if a matrix is too wide to print."""
    wide = max(sheet.sections, key=lambda section: section.values.shape[1])
    if wide.values.shape[1] > WIDEST and not written:
        raise ValueError(
            f"{wide.title}: {wide.values.shape[1]} columns; up to {WIDEST} are printed, such as "
            "those of one channel of 8x8 pixels. --csv FOLDER writes larger ones to files, "
            "--picture FILE.svg draws them"
        )


def _print(section: Section) -> None:
    rows, columns = section.values.shape
    console.print(Text(f"\n{section.title}", style="bold"), soft_wrap=True)
    if columns > WIDEST:
        console.print(f"{rows} rows of {columns} numbers, too wide to print", style="dim")
        return
    text = Text(table(section.values, section.rows, section.columns, zero=section.zero))
    text.highlight_regex(r"(?<=\s)\.(?=\s|$)", "dim")
    text.highlight_regex(r"\b[a-z]\d+\b", "cyan")
    console.print(text, soft_wrap=True)


def _write_csv(sections: list[Section], folder: Path) -> None:
    """One file for each matrix, written under a temporary name and renamed."""
    for section in sections:
        with (
            replacing(folder / f"{section.name}.csv") as beside,
            beside.open("w", encoding="utf-8") as file,
        ):
            np.savetxt(file, section.values, fmt="%.17g", delimiter=",")
    names = ", ".join(section.name for section in sections)
    say(f"\n{folder}: {names} (.csv)")


def _print_check(checked: Check) -> None:
    """Prints the kernel that ran, its agreement, and the cost of each registered kernel."""
    name = f"{checked.kernel.operation} {checked.kernel.name}"
    if checked.holds and checked.error == 0:
        verdict = Text(f"\nThe kernel {name} gives the same numbers.", style="green")
    else:
        verb = "agrees within rounding" if checked.holds else "DISAGREES"
        verdict = Text(
            f"\nThe kernel {name} {verb}: its largest error is {checked.error:.2g}, "
            f"the bound is {checked.bound:.2g}.",
            style="green" if checked.holds else "bold red",
        )
    console.print(verdict, soft_wrap=True)
    console.print(_costs(checked))


def _costs(checked: Check) -> Table:
    costs = Table("kernel", "estimated cost", box=None, pad_edge=False)
    for kernel, cost in checked.costs:
        costs.add_row(
            _chosen(kernel, checked), "cannot serve this" if cost is None else _time(cost)
        )
    return costs


def _chosen(kernel: Kernel, checked: Check) -> Text:
    mine = kernel is checked.kernel
    return Text(f"{kernel.name} ({kernel.device}){' *' if mine else ''}", "bold" if mine else "")


def _time(nanoseconds: float) -> str:
    return f"{nanoseconds:,.1f} ns" if nanoseconds else "not stated"
