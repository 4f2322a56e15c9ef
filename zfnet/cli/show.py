"""`zfnet show`: the layers of a network, its preprocessing and its classes."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kernels.terminal.printable import printable
from kernels.terminal.progress import say
from minidl import nn, serialize
from zfnet.cli.options import open_network
from zfnet.layer_table import COLOURS, Row, beyond_the_paper, colours, rows
from zfnet.network import Network
from zfnet.projection_rules import notes

WIDE = 10_000
"""Width of the table in columns: large enough that no cell is cut."""
LISTED = 5


def show_command(
    model: Annotated[
        Path | None,
        typer.Argument(help="A run's folder or a network's file (default: the pretrained one)."),
    ] = None,
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write the same to this file.")
    ] = None,
) -> None:
    """Print a network's layers, their receptive fields, its preprocessing and its classes."""
    network, called = open_network(model)
    found = rows(network.model)
    for line in _lines(_table(found)):
        say(line)
    macs, parameters = sum(r.macs for r in found), network.model.parameter_count
    say(f"\n{called}: {len(found)} layers, {parameters:,} parameters, {macs:,} multiply-adds.")
    say(preprocessing_sentence(network))
    listed = f": {_listed(network.classes, '; ')}" if network.classes else ""
    given = what_it_gives(network)
    say(f"{given[0].upper()}{given[1:]}{listed}.")
    for names, rule in beyond_the_paper(network.model):
        say(f"In projections at {_listed(names, ', ')}: {rule}.")
    if as_json is not None:
        with serialize.replacing(as_json) as beside:
            beside.write_text(json.dumps(_numbers(network, found), indent=1), encoding="utf-8")
        say(f"The same numbers are in {as_json.resolve()}.")


def what_it_gives(network: Network) -> str:
    """ "1000 classes", or for other networks "its output `mask` is 21 x 224 x 224"."""
    model = network.model
    if model.has_scores:
        return f"{len(network.classes)} classes"
    return f"no classes: its output {model.output} is {_times(model.shapes()[model.output])}"


def preprocessing_sentence(network: Network) -> str:
    """The network's preprocessing, in a sentence."""
    p, taken = network.preprocess, colours(network.model)
    square = "the whole image warped" if p.fit == "warp" else "the shorter side scaled"
    one = bool((p.mean == p.mean[:, :1, :1]).all())
    mean = ", ".join(f"{v:.6g}" if one else f"{v:.2f}" for v in _mean(network))
    kind = "the mean" if one else "the mean image, on average"
    return (
        f"Images: {square} to {p.resize}, the centre {p.image_size} x {p.image_size} of it; minus "
        f"{kind} {mean} ({', '.join(COLOURS)}, of 0..255); in the order "
        f"{', '.join(taken.order)}, times {', '.join(f'{s:.4g}' for s in taken.scale)}."
    )


def _table(found: Sequence[Row]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("layer", "kind", "output"):
        table.add_column(title)
    for title in ("parameters", "multiply-adds", "receptive field", "every"):
        table.add_column(title, justify="right")
    table.add_column("fed by")
    before = nn.INPUT
    for row in found:
        fed = () if row.inputs == (before,) else row.inputs
        cells = (
            row.name, row.kind, _times(row.shape), f"{row.parameters:,}" if row.parameters else "",
            f"{row.macs:,}" if row.macs else "", _times(row.sees) if row.sees else "all",
            _times(row.step) if row.step else "", ", ".join(fed),
        )  # fmt: skip
        table.add_row(*(Text(printable(cell)) for cell in cells))
        before = row.name
    return table


def _lines(table: Table) -> list[str]:
    """The table as text without colours or blanks at the ends of its lines."""
    text = io.StringIO()
    Console(file=text, width=WIDE, color_system=None).print(table)
    return [line.rstrip() for line in text.getvalue().splitlines()]


def _numbers(network: Network, found: Sequence[Row]) -> dict[str, Any]:
    taken = colours(network.model)
    return {
        "layers": [asdict(row) | {"settings": _settings(row)} for row in found],
        "parameters": network.model.parameter_count,
        "macs": sum(row.macs for row in found),
        "preprocess": network.preprocess.settings()
        | {"mean": _mean(network), "channels": list(taken.order), "scale": list(taken.scale)},
        "classes": list(network.classes),
        "notes": notes(network.model),
    }


def _settings(row: Row) -> dict[str, Any]:
    """The settings with null for infinite bounds, which JSON does not have."""
    open_ = (math.inf, -math.inf)
    return {key: None if value in open_ else value for key, value in row.settings.items()}


def _mean(network: Network) -> list[float]:
    """Of red, green and blue."""
    return network.preprocess.mean.mean(axis=(1, 2), dtype="float64").tolist()


def _listed(names: Sequence[str], between: str) -> str:
    """The first few, and how many more there are."""
    more = f"{between}{len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return printable(between.join(names[:LISTED])) + more


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
