"""`zfnet layers`: what each layer's features are worth to a linear classifier (Table 7)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from kernels.terminal.progress import say
from zfnet.cli.options import Device, Model, Seed, Split, open_network, whole_numbers
from zfnet.cli.reporting import reporter
from zfnet.experiments.layers.measure import LAYERS
from zfnet.experiments.layers.page import write_layers
from zfnet.experiments.shared.feature_bank import MEMORY
from zfnet.experiments.shared.protocols import PROTOCOLS, open_whole
from zfnet.experiments.shared.results import Results

Option = typer.Option


def layers_command(
    data: Annotated[str, Option(help="`scenes`, or a folder with a folder of images a class.")],
    model: Model = None,
    out: Annotated[Path, Option(help="Folder for the page and its numbers.")] = Path("layers"),
    protocol: Annotated[
        Literal["folders", "caltech101", "caltech256"],
        Option(help="Which folders are no classes."),
    ] = "folders",
    per_class: Annotated[int, Option(min=1, help="Images a class to learn from.")] = 30,
    folds: Annotated[int, Option(min=1, help="Draws of images to learn from and test on.")] = 5,
    layers: Annotated[str, Option(help="Which, of 1 to 7.")] = ",".join(map(str, LAYERS)),
    c: Annotated[
        float | None,
        Option("--c", help="The classifiers' C (default: chosen on images held out)."),
    ] = None,
    memory: Annotated[
        int, Option(min=1, help="Megabytes of features; what exceeds them is averaged.")
    ] = MEMORY,
    split: Split = "val",
    device: Device = "cpu",
    seed: Seed = 0,
) -> None:
    """Linear classifiers on each layer's features: do deeper ones separate better? (Table 7)"""
    network, called = open_network(model, device)
    dataset = open_whole(data, PROTOCOLS[protocol], split=split, seed=seed)
    settings = {
        "model": called, "data": data, "protocol": protocol, "per_class": per_class,
        "folds": folds, "layers": layers, "c": "chosen" if c is None else c, "memory": memory,
        "split": split, "seed": seed,
    }  # fmt: skip
    page = write_layers(
        network, dataset, Results(out, "layers", settings), per_class=per_class, folds=folds,
        numbers=whole_numbers(layers, "--layers"), c=c, memory=memory, seed=seed,
        report=reporter(),
    )  # fmt: skip
    say(f"The page is {page.resolve()}, its numbers are beside it in layers.json and layers.csv.")
