"""`zfnet compare-rules`: methods of attribution measured on a network and a folder of images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from kernels.terminal.progress import say
from zfnet.cli.folder import holding_out
from zfnet.cli.groups import grouped
from zfnet.cli.options import Execution, Model, Split, names, open_network
from zfnet.cli.reporting import reporter
from zfnet.data import Dataset, open_dataset
from zfnet.data.boxes import WithBoxes
from zfnet.experiments.compare_rules.explained import known
from zfnet.experiments.compare_rules.runner import compare_rules
from zfnet.experiments.compare_rules.setting import Setting
from zfnet.experiments.shared.results import Results

Option = typer.Option


@dataclass(frozen=True)
class Measured:
    """How many images are measured, and how."""

    images: Annotated[int, Option(min=1, help="Images drawn from the folder.")] = 50
    randomised: Annotated[
        int, Option(min=0, help="How many of them the check with random weights takes.")
    ] = 10
    levels: Annotated[
        int, Option(min=1, help="Layers or blocks made random one after the other, at most.")
    ] = 16
    samples: Annotated[
        int | None,
        Option(min=1, help="Images for a map of SmoothGrad, integrated gradients (their default)."),
    ] = None
    steps: Annotated[int, Option(min=1, help="Of the deletion and insertion curves.")] = 32
    deleted: Annotated[
        Literal["mean", "grey", "black", "blur"], Option(help="What deleted pixels become.")
    ] = "mean"
    tolerance: Annotated[
        float, Option(min=0, help="Of the pointing game: pixels of an image of 224.")
    ] = 15.0
    shown: Annotated[int, Option(min=0, help="Images whose pictures are on the page.")] = 6


Folder = Annotated[
    str,
    typer.Argument(
        help="A folder of images, PASCAL VOC's folder, or `scenes`.", show_default=False
    ),
]
Rules = Annotated[str, Option(help="Methods, with commas, or `all` (default: one of each kind).")]
Out = Annotated[Path, Option(help="Folder for the page and its numbers.")]
Boxes = Annotated[
    Path | None,
    Option(help="A folder of PASCAL VOC's XML files (default: those beside the images)."),
]
Pointing = Annotated[
    bool | None,
    Option(
        "--pointing/--no-pointing",
        help="The pointing game (default: where objects have boxes).",
    ),
]


@grouped
@holding_out
def compare_rules_command(
    *,
    folder: Folder,
    rules: Rules = "",
    model: Model = None,
    out: Out = Path("compare-rules"),
    measured: Measured,
    boxes: Boxes = None,
    pointing: Pointing = None,
    split: Split = "val",
    execution: Execution,
) -> None:
    """Do the pictures of attribution methods say anything? Deletion, random weights, pointing."""
    methods, seed = known(names(rules)), execution.seed
    network, called = open_network(model, execution.device)
    dataset = images_of(folder, split, boxes, seed=seed, follow_links=execution.follow_links)
    setting = Setting(methods, seed=seed, pointing=pointing, **vars(measured))
    played = {None: "where objects have boxes", True: "yes", False: "no"}[pointing]
    settings = {
        "model": called, "folder": folder, "boxes": boxes or "beside the images", "split": split,
        **vars(setting), "images": min(measured.images, len(dataset)), "pointing": played,
    }  # fmt: skip
    results = Results(out, "compare-rules", settings)
    page = compare_rules(network, dataset, setting, results, reporter())
    say(
        f"The page is {page.resolve()}; all numbers are in compare-rules.json beside it, a line a "
        "method in methods.csv."
    )


def images_of(
    folder: str, split: str, boxes: Path | None, *, seed: int = 0, follow_links: bool = False
) -> Dataset:
    """The images of a folder, with the boxes of PASCAL VOC's XML files where there are any."""
    root = Path(folder)
    if (root / "JPEGImages").is_dir() and (root / "Annotations").is_dir():
        root, boxes = root / "JPEGImages", boxes or root / "Annotations"
        folder = str(root)
    return WithBoxes(open_dataset(folder, split, seed=seed, follow_links=follow_links), boxes)
