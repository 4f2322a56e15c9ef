"""`zfnet invariance`: how far features move as an image is shifted, enlarged and turned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from kernels.terminal.progress import say
from zfnet.cli.options import Device, Model, Seed, Split, names, open_network
from zfnet.cli.reporting import reporter
from zfnet.data import open_dataset
from zfnet.experiments.invariance.measure import Subject, draw
from zfnet.experiments.invariance.page import write_invariance
from zfnet.experiments.shared.labels import class_named
from zfnet.experiments.shared.photographs import read_photographs
from zfnet.network import Network


def invariance_command(
    model: Model = None,
    data: Annotated[
        str | None, typer.Option(help="`scenes`, or any folder of images, to draw images from.")
    ] = None,
    image: Annotated[
        list[Path] | None,
        typer.Option(help="Instead: a picture of your own; may be given several times."),
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="The class of each --image, in their order.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the page and its numbers.")] = Path(
        "invariance"
    ),
    layers: Annotated[
        str,
        typer.Option(
            help="Whose features: two or more, the lowest first (default: relu1,relu7, "
            "or what corresponds in another network)."
        ),
    ] = "",
    count: Annotated[int, typer.Option(min=1, help="Images drawn as lines.")] = 5,
    statistics: Annotated[int, typer.Option(min=2, help="Images to average over.")] = 50,
    split: Split = "val",
    device: Device = "cpu",
    seed: Seed = 0,
) -> None:
    """Distances of features under shifts, scales and rotations (Fig 5)."""
    network, called = open_network(model, device)
    if (data is None) == (not image):
        raise ValueError("give either --data, to draw images from, or --image, several times")
    if data is None:
        subjects = _own(network, image or [], label or [])
        count = len(subjects)
    else:
        if label:
            raise ValueError("--label is for --image; the images of --data have their classes")
        dataset = open_dataset(data, split, seed=seed)
        subjects = draw(network, dataset, max(count, statistics), seed)
    settings = {
        "model": called, "data": data, "image": [str(path) for path in image or []],
        "label": label or [], "layers": layers or "the first and the top features", "count": count,
        "statistics": len(subjects), "split": split, "seed": seed,
    }  # fmt: skip
    page = write_invariance(
        network, subjects, out, lines=count, layers=names(layers), settings=settings,
        report=reporter(),
    )  # fmt: skip
    say(f"The page is {page.resolve()}; beside it: invariance.json, invariance.csv, means.csv.")


def _own(network: Network, files: Sequence[Path], labels: Sequence[str]) -> list[Subject]:
    """The user's pictures and their classes, if these are given."""
    if labels and len(labels) != len(files):
        raise ValueError(
            f"{len(files)} times --image and {len(labels)} times --label: give a class for each "
            "picture, or for none"
        )
    classes = [class_named(network.classes, name, "the network") for name in labels]
    photographs = read_photographs(files)
    return [
        Subject(photograph.name, photograph.pixels, classes[i] if classes else None)
        for i, photograph in enumerate(photographs)
    ]
