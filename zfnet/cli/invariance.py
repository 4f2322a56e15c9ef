"""`zfnet invariance`: distances of features under translation, scaling and rotation (Fig 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from kernels.terminal.progress import say
from zfnet.cli.folder import holding_out
from zfnet.cli.groups import grouped
from zfnet.cli.options import Execution, Model, Split, names, open_network
from zfnet.cli.reporting import reporter
from zfnet.data import open_dataset
from zfnet.experiments.invariance.measure import Subject, draw
from zfnet.experiments.invariance.page import write_invariance
from zfnet.experiments.shared.labels import class_named
from zfnet.experiments.shared.photographs import read_photographs
from zfnet.network import Network
from zfnet.report.figures import Figures


@dataclass(frozen=True)
class Source:
    """Which images are transformed."""

    data: Annotated[
        str | None, typer.Option(help="`scenes`, or any folder of images, to draw images from.")
    ] = None
    image: Annotated[
        list[Path] | None,
        typer.Option(help="Instead: a picture of your own; may be given several times."),
    ] = None
    label: Annotated[
        list[str] | None, typer.Option(help="The class of each --image, in their order.")
    ] = None

    def subjects(
        self, network: Network, count: int, split: str, execution: Execution
    ) -> list[Subject]:
        """The user's pictures, or `count` images that are drawn from the data set."""
        if (self.data is None) == (not self.image):
            raise ValueError("give either --data, to draw images from, or --image, several times")
        if self.data is None:
            return _own(network, self.image or [], self.label or [])
        if self.label:
            raise ValueError("--label is for --image; the images of --data have their classes")
        seed = execution.seed
        dataset = open_dataset(self.data, split, seed=seed, follow_links=execution.follow_links)
        return draw(network, dataset, count, seed)


@grouped
@holding_out
def invariance_command(
    *,
    model: Model = None,
    source: Source,
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
    figures: Figures,
    execution: Execution,
) -> None:
    """Distances of features under shifts, scales and rotations (Fig 5)."""
    seed = execution.seed
    network, called = open_network(model, execution.device)
    subjects = source.subjects(network, max(count, statistics), split, execution)
    lines = len(subjects) if source.data is None else count
    settings = {
        "model": called, "data": source.data, "image": [str(path) for path in source.image or []],
        "label": source.label or [], "layers": layers or "the first and the top features",
        "count": lines, "statistics": len(subjects), "split": split, "seed": seed,
    }  # fmt: skip
    page = write_invariance(
        network, subjects, out, lines=lines, layers=names(layers), settings=settings,
        figures=figures, report=reporter(),
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
