"""`zfnet show`: the layers of a network, its preprocessing and its classes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from kernels.cli.progress import say
from minidl import nn, serialize
from zfnet.cli.options import open_network
from zfnet.layer_table import Row, rows
from zfnet.network import Network
from zfnet.notes import notes

WIDTH = 200
"""Of the table where the output is no terminal: nothing is cut."""


def show_command(
    model: Annotated[
        Path | None,
        typer.Argument(help="A run's folder or a network's file (default: the one in the box)."),
    ] = None,
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write the same to this file.")
    ] = None,
) -> None:
    """Print what a network is made of: its layers, what they see, and what it takes in."""
    network, called = open_network(model)
    found = rows(network.model)
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    console.print(_table(found))
    macs, parameters = sum(r.macs for r in found), network.model.parameter_count
    say(f"{called}: {len(found)} layers, {parameters:,} parameters, {macs:,} multiply-adds.")
    for line in _preprocessing(network):
        say(line)
    for sentence in notes(network.model):
        say(f"In projections: {sentence}.")
    if as_json is not None:
        with serialize.replacing(as_json) as beside:
            beside.write_text(json.dumps(_numbers(network, found), indent=1), encoding="utf-8")
        say(f"The same numbers are in {as_json.resolve()}.")


def _table(found: list[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for title in ("layer", "kind", "output"):
        table.add_column(title, no_wrap=True)
    for title in ("parameters", "multiply-adds", "a unit sees", "every"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("fed by", overflow="fold")
    before = nn.INPUT
    for row in found:
        fed = "" if row.inputs == (before,) else ", ".join(row.inputs)
        table.add_row(
            row.name, row.kind, _times(row.shape), f"{row.parameters:,}" if row.parameters else "",
            f"{row.macs:,}" if row.macs else "", _times(row.sees) if row.sees else "all",
            _times(row.step) if row.step else "", fed,
        )  # fmt: skip
        before = row.name
    return table


def _preprocessing(network: Network) -> list[str]:
    p, order, scale = network.preprocess, "red, green, blue", (1.0, 1.0, 1.0)
    for _, layer in network.model.children():
        if isinstance(layer, nn.Pixels):
            order = ", ".join(("red", "green", "blue")[i] for i in layer.settings["order"])
            scale = tuple(layer.settings["scale"])
    square = "the whole image warped" if p.fit == "warp" else "the shorter side scaled"
    mean = ", ".join(f"{v:.2f}" for v in p.mean.mean(axis=(1, 2)).tolist())
    names = ", ".join(network.classes[:5])
    return [
        f"Images: {square} to {p.resize}, the centre {p.image_size} x {p.image_size} of it; minus "
        f"the mean ({mean} for red, green, blue), in the order {order}, times "
        f"{', '.join(f'{s:.4g}' for s in scale)}.",
        f"{len(network.classes)} classes: {names}{', ...' if len(network.classes) > 5 else ''}.",
    ]


def _numbers(network: Network, found: list[Row]) -> dict[str, Any]:
    return {
        "layers": [asdict(row) for row in found],
        "parameters": network.model.parameter_count,
        "preprocess": network.preprocess.settings()
        | {"mean": network.preprocess.mean.mean(axis=(1, 2)).tolist()},
        "classes": list(network.classes),
        "notes": notes(network.model),
    }


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
