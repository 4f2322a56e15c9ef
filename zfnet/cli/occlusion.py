"""`zfnet occlusion`: what does the network need to see (Fig 7)?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from kernels.terminal.progress import say
from zfnet.cli.options import Device, Model, Seed, Split, open_network
from zfnet.cli.reporting import reporter
from zfnet.data import Dataset, open_dataset
from zfnet.experiments.occlusion.images import from_dataset, from_files
from zfnet.experiments.occlusion.measure import default_square
from zfnet.experiments.occlusion.page import write_occlusion
from zfnet.experiments.shared.photographs import read_photographs
from zfnet.experiments.shared.results import Results

COUNT, SEARCH = 4, 1000


def occlusion_command(
    model: Model = None,
    data: Annotated[str | None, typer.Option(help="`scenes`, or any folder of images.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the page and its numbers.")] = Path(
        "occlusion"
    ),
    index: Annotated[
        list[int] | None,
        typer.Option(help="An image's position in the data set; may be given several times."),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(min=1, help=f"Images drawn from the data set, if none is named ({COUNT})."),
    ] = None,
    image: Annotated[
        list[Path] | None, typer.Option(help="A file to look at; may be given several times.")
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(help="The class of the files: one for all, or one for each, in their order."),
    ] = None,
    square: Annotated[
        int | None, typer.Option(help="Side in pixels of the network's input (default: 1/7).")
    ] = None,
    stride: Annotated[
        int | None, typer.Option(help="Pixels from place to place (default: 1/28).")
    ] = None,
    search: Annotated[
        int, typer.Option(min=0, help="Images searched for other projections of the map.")
    ] = SEARCH,
    pointing: Annotated[
        int, typer.Option(min=0, help="Images of the pointing game, those shown among them.")
    ] = 0,
    split: Split = "val",
    device: Device = "cpu",
    seed: Seed = 0,
) -> None:
    """Slide a grey square over images: what falls where it stands, what is seen instead (Fig 7)."""
    network, called = open_network(model, device)
    photographs = read_photographs(image or [])
    if data is None and not photographs:
        raise ValueError("there is nothing to look at: give --data, or --image with a file")
    if label and not photographs:
        raise ValueError("--label names the class of files: give them with --image")
    dataset = None if data is None else open_dataset(data, split, seed=seed)
    subjects = from_files(network, photographs, label or [])
    rng = np.random.default_rng(seed)
    drawn = _count(count, index, image)
    shown, played, searched = positions(dataset, index or [], drawn, pointing, search, rng)
    if dataset is not None:
        subjects += from_dataset(network, dataset, shown)
    side, step = default_square(network.preprocess.image_size)
    square, stride = side if square is None else square, step if stride is None else stride
    settings = {
        "model": called, "data": data, "split": split, "index": shown, "image": image,
        "label": label, "square": square, "stride": stride, "search": len(searched),
        "pointing": pointing, "seed": seed,
    }  # fmt: skip
    page = write_occlusion(
        network, subjects, Results(out, "occlusion", settings), square=square, stride=stride,
        dataset=dataset, search=searched, pointing=played, report=reporter(),
    )  # fmt: skip
    say(f"The page is {page.resolve()}, pictures and numbers are beside it.")


def _count(count: int | None, index: list[int] | None, image: list[Path] | None) -> int:
    """How many images are drawn: some are, unless others are named."""
    if count is not None:
        return count
    return 0 if index or image else COUNT


def positions(
    dataset: Dataset | None,
    named: list[int],
    count: int,
    pointing: int,
    search: int,
    rng: np.random.Generator,
) -> tuple[list[int], list[int], list[int]]:
    """Positions in the data set: of images to show, to play with, and to search through."""
    if dataset is None:
        if named or pointing:
            raise ValueError("--index and --pointing take images of a data set: give --data")
        return [], [], []
    N = len(dataset)
    if max(count, pointing) > N:
        raise ValueError(f"{max(count, pointing)} images of {dataset.name}, which has {N}")
    drawn = [i for i in rng.permutation(N).tolist() if i not in named]
    order = [*named, *drawn]
    shown = order[: len(named) + count]
    return shown, order[:pointing], sorted(rng.permutation(N)[:search].tolist())
