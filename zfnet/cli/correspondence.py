"""`zfnet correspondence`: does the network match parts of different objects (Fig 8, Table 1)?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kernels.terminal.progress import say
from zfnet.cli.options import Device, Model, Seed, Split, names, open_network
from zfnet.cli.reporting import reporter
from zfnet.data import Preprocess, open_dataset
from zfnet.experiments.correspondence.claims import sentences
from zfnet.experiments.correspondence.measure import PLACES, Setting, correspondence
from zfnet.experiments.correspondence.page import write_correspondence
from zfnet.experiments.correspondence.regions import Marked, of_dataset, read_regions
from zfnet.experiments.shared.results import Results


def correspondence_command(
    model: Model = None,
    data: Annotated[
        str | None,
        typer.Option(help="`scenes`, or the folder that the images in --regions are relative to."),
    ] = None,
    class_name: Annotated[
        str | None, typer.Option("--class", help="Whose images: `face` of the scenes, say.")
    ] = None,
    regions: Annotated[
        Path | None,
        typer.Option(help="A file of your own with lines image,part,row,column[,size]."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the page and its numbers.")] = Path(
        "correspondence"
    ),
    layers: Annotated[
        str,
        typer.Option(
            help="Names of layers, with commas (default: relu5,relu7, or what corresponds in "
            "another network)."
        ),
    ] = "",
    images: Annotated[
        int | None, typer.Option(help="Images of a set (default: 5, or as many as there are).")
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(help="Sets of images, none in two of them (default: up to 10)."),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(help="Side of the patch in pixels of the network's input (default: 1/7)."),
    ] = None,
    random: Annotated[int, typer.Option(help="Random places of each image.")] = PLACES,
    split: Split = "val",
    device: Device = "cpu",
    seed: Seed = 0,
) -> None:
    """Hide the same part in images of a class: do their features change alike (Fig 8, Table 1)?"""
    network, called = open_network(model, device)
    setting = Setting(names(layers), size, random, images, repeats)
    marked = _marked(data, class_name, regions, split, seed, network.preprocess)
    found = correspondence(network, marked, setting, seed=seed, report=reporter())
    settings = {
        "model": called, "data": data, "class": class_name, "regions": regions, "split": split,
        "layers": found.layers, "images": found.images, "repeats": found.repeats,
        "size": found.size, "random": random, "seed": seed,
    }  # fmt: skip
    page = write_correspondence(network, found, Results(out, "correspondence", settings))
    for sentence in sentences(found):
        say(sentence)
    say(f"The page is {page.resolve()}, its numbers are beside it in correspondence.json.")


def _marked(
    data: str | None,
    class_name: str | None,
    regions: Path | None,
    split: str,
    seed: int,
    preprocess: Preprocess,
) -> list[Marked]:
    """The images with their parts: of the file if there is one, else of the data set's class."""
    if regions is not None:
        return read_regions(regions, preprocess, None if data is None else Path(data))
    if data is None or class_name is None:
        raise ValueError(
            "parts are needed: give --data and --class (--data scenes --class face), or --regions "
            "with a file of your own"
        )
    return of_dataset(open_dataset(data, split, seed=seed), class_name, preprocess)
