"""`zfnet correspondence`: correspondence of parts of different objects (Fig 8, Table 1)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from kernels.terminal.progress import say
from zfnet.cli.folder import holding_out
from zfnet.cli.groups import grouped
from zfnet.cli.options import Execution, Model, Split, names, open_network
from zfnet.cli.reporting import reporter
from zfnet.data import Preprocess, open_dataset
from zfnet.experiments.correspondence.claims import sentences
from zfnet.experiments.correspondence.measure import PLACES, Setting, correspondence
from zfnet.experiments.correspondence.page import write_correspondence
from zfnet.experiments.correspondence.regions import Marked, of_dataset, read_regions
from zfnet.experiments.shared.results import Results
from zfnet.report.figures import Figures


@dataclass(frozen=True)
class Source:
    """Where the images with their parts come from."""

    data: Annotated[
        str | None,
        typer.Option(help="`scenes`, or the folder that the images in --regions are relative to."),
    ] = None
    class_name: Annotated[
        str | None, typer.Option("--class", help="Whose images: `face` of the scenes, say.")
    ] = None
    regions: Annotated[
        Path | None,
        typer.Option(help="A file of your own with lines image,part,row,column[,size]."),
    ] = None

    def marked(self, split: str, execution: Execution, preprocess: Preprocess) -> list[Marked]:
        """The images of the file if there is one, else of the data set's class."""
        if self.regions is not None:
            root = None if self.data is None else Path(self.data)
            return read_regions(self.regions, preprocess, root)
        if self.data is None or self.class_name is None:
            raise ValueError(
                "parts are needed: give --data and --class (--data scenes --class face), or "
                "--regions with a file of your own"
            )
        dataset = open_dataset(
            self.data, split, seed=execution.seed, follow_links=execution.follow_links
        )
        return of_dataset(dataset, self.class_name, preprocess)


@dataclass(frozen=True)
class Sets:
    """Which layers, how many images and sets, and the patches."""

    layers: Annotated[
        str,
        typer.Option(
            help="Names of layers, with commas (default: relu5,relu7, or what corresponds in "
            "another network)."
        ),
    ] = ""
    images: Annotated[
        int | None, typer.Option(help="Images of a set (default: 5, or as many as there are).")
    ] = None
    repeats: Annotated[
        int | None, typer.Option(help="Sets of images, none in two of them (default: up to 10).")
    ] = None
    size: Annotated[
        int | None,
        typer.Option(help="Side of the patch in pixels of the network's input (default: 1/7)."),
    ] = None
    random: Annotated[int, typer.Option(help="Random places of each image.")] = PLACES

    def setting(self) -> Setting:
        return Setting(names(self.layers), self.size, self.random, self.images, self.repeats)


@grouped
@holding_out
def correspondence_command(
    *,
    model: Model = None,
    source: Source,
    out: Annotated[Path, typer.Option(help="Folder for the page and its numbers.")] = Path(
        "correspondence"
    ),
    sets: Sets,
    split: Split = "val",
    figures: Figures,
    execution: Execution,
) -> None:
    """Hide the same part in images of a class: do their features change alike (Fig 8, Table 1)?"""
    seed = execution.seed
    network, called = open_network(model, execution.device)
    marked = source.marked(split, execution, network.preprocess)
    found = correspondence(network, marked, sets.setting(), seed=seed, report=reporter())
    settings = {
        "model": called, "data": source.data, "class": source.class_name,
        "regions": source.regions, "split": split, "layers": found.layers, "images": found.images,
        "repeats": found.repeats, "size": found.size, "random": sets.random, "seed": seed,
    }  # fmt: skip
    page = write_correspondence(network, found, Results(out, "correspondence", settings, figures))
    for sentence in sentences(found):
        say(sentence)
    say(f"The page is {page.resolve()}, its numbers are beside it in correspondence.json.")
