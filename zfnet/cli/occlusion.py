"""`zfnet occlusion`: occlusion sensitivity, and the pointing game (Fig 7)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from kernels.terminal.progress import say
from zfnet.cli.folder import holding_out
from zfnet.cli.groups import grouped
from zfnet.cli.options import Execution, Model, Split, open_network
from zfnet.cli.reporting import reporter
from zfnet.cli.rule_options import OneRule, RuleSettings, chosen_one
from zfnet.data import Dataset, open_dataset
from zfnet.experiments.occlusion.images import from_dataset, from_files
from zfnet.experiments.occlusion.measure import default_square
from zfnet.experiments.occlusion.page import write_occlusion
from zfnet.experiments.shared.photographs import Photograph, read_photographs
from zfnet.experiments.shared.results import Results
from zfnet.report.figures import Figures

COUNT, SEARCH = 4, 1000


@dataclass(frozen=True)
class Shown:
    """Which images are occluded: of the data set, by position or drawn, and files."""

    index: Annotated[
        list[int] | None,
        typer.Option(help="An image's position in the data set; may be given several times."),
    ] = None
    count: Annotated[
        int | None,
        typer.Option(min=1, help=f"Images drawn from the data set, if none is named ({COUNT})."),
    ] = None
    image: Annotated[
        list[Path] | None, typer.Option(help="A file to look at; may be given several times.")
    ] = None
    label: Annotated[
        list[str] | None,
        typer.Option(help="The class of the files: one for all, or one for each, in their order."),
    ] = None

    def drawn(self) -> int:
        """How many images are drawn: COUNT, unless others are named."""
        if self.count is not None:
            return self.count
        return 0 if self.index or self.image else COUNT

    def photographs(self, data: str | None) -> list[Photograph]:
        """The files; ValueError where there is no image at all, or labels without files."""
        photographs = read_photographs(self.image or [])
        if data is None and not photographs:
            raise ValueError("there is nothing to look at: give --data, or --image with a file")
        if self.label and not photographs:
            raise ValueError("--label names the class of files: give them with --image")
        return photographs


@dataclass(frozen=True)
class Square:
    """The grey square and its steps."""

    square: Annotated[
        int | None, typer.Option(help="Side in pixels of the network's input (default: 1/7).")
    ] = None
    stride: Annotated[
        int | None, typer.Option(help="Pixels from place to place (default: 1/28).")
    ] = None

    def of(self, image_size: int) -> tuple[int, int]:
        """Side and stride for images of that side."""
        side, step = default_square(image_size)
        square = side if self.square is None else self.square
        return square, step if self.stride is None else self.stride


Data = Annotated[str | None, typer.Option(help="`scenes`, or any folder of images.")]
Out = Annotated[Path, typer.Option(help="Folder for the page and its numbers.")]
Search = Annotated[
    int, typer.Option(min=0, help="Images searched for other projections of the map.")
]
Pointing = Annotated[
    int, typer.Option(min=0, help="Images of the pointing game, those shown among them.")
]


@grouped
@holding_out
def occlusion_command(
    *,
    model: Model = None,
    data: Data = None,
    out: Out = Path("occlusion"),
    shown: Shown,
    size: Square,
    search: Search = SEARCH,
    pointing: Pointing = 0,
    split: Split = "val",
    rules: OneRule = "deconvnet",
    how: RuleSettings,
    figures: Figures,
    execution: Execution,
) -> None:
    """Slide a grey square over images: which outputs fall, and which class wins (Fig 7)."""
    seed = execution.seed
    method = chosen_one(rules, how, seed)
    network, called = open_network(model, execution.device)
    photographs = shown.photographs(data)
    dataset = None
    if data is not None:
        dataset = open_dataset(data, split, seed=seed, follow_links=execution.follow_links)
    subjects = from_files(network, photographs, shown.label or [])
    rng = np.random.default_rng(seed)
    named, played, searched = positions(
        dataset, shown.index or [], shown.drawn(), pointing, search, rng
    )
    if dataset is not None:
        subjects += from_dataset(network, dataset, named)
    square, stride = size.of(network.preprocess.image_size)
    settings = {
        "model": called, "data": data, "split": split, "index": named, "image": shown.image,
        "label": shown.label, "square": square, "stride": stride, "search": len(searched),
        "pointing": pointing, "rules": rules, "seed": seed,
    } | how.given()  # fmt: skip
    page = write_occlusion(
        network, subjects, Results(out, "occlusion", settings, figures), square=square,
        stride=stride, dataset=dataset, search=searched, pointing=played, method=method,
        report=reporter(),
    )  # fmt: skip
    say(f"The page is {page.resolve()}, pictures and numbers are beside it.")


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
