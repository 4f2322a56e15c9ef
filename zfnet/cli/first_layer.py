"""`zfnet first-layer`: filters, what renormalising them does, and what the stride aliases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kernels.terminal.progress import say
from minidl.device import check
from zfnet.cli.options import Device, Seed, Split, open_network
from zfnet.cli.reporting import reporter
from zfnet.data import open_dataset, require_classes
from zfnet.experiments.first_layer.claims import VARIANTS, Group, plan, trained_groups
from zfnet.experiments.first_layer.page import write_first_layer
from zfnet.experiments.shared import scales
from zfnet.experiments.shared.results import Results

Option = typer.Option
TRAINING = "Training, without --model (defaults: small, for `scenes`; with --full the paper's)"


def first_layer_command(
    data: Annotated[str, Option(help="`scenes`, or a folder as for `zfnet train`; with --model any "
                                "folder of images.")],
    out: Annotated[Path, Option(help="Folder for the page, its numbers and the runs.")] = Path(
        "first-layer"
    ),
    model: Annotated[list[Path] | None, Option(help="Compare these, runs or files, instead of "
                                               "training; may be given several times.")] = None,
    maps: Annotated[int, Option(min=1, help="Of layer 2, projected.")] = 6,
    images: Annotated[int, Option(min=1, help="In which aliasing is measured.")] = 200,
    split: Split = "val",
    seeds: Annotated[int, Option(min=1, help="Networks of each kind.",
                                 rich_help_panel=TRAINING)] = 3,
    full: Annotated[bool, Option("--full", help="224 pixels, the paper's width and recipe.",
                                 rich_help_panel=TRAINING)] = False,
    epochs: Annotated[int | None, Option(min=1, help="8, or 70.",
                                         rich_help_panel=TRAINING)] = None,
    image_size: Annotated[int | None, Option(help="Side of a crop in pixels: 56, or 224.",
                                             rich_help_panel=TRAINING)] = None,
    width: Annotated[float | None, Option(help="Maps, as a share of the paper's: 1/3, or 1.",
                                          rich_help_panel=TRAINING)] = None,
    batch_size: Annotated[int | None, Option(help="32, or 128.",
                                             rich_help_panel=TRAINING)] = None,
    lr: Annotated[float | None, Option(help="Learning rate: 0.02, or 0.01.",
                                       rich_help_panel=TRAINING)] = None,
    device: Device = "cpu",
    seed: Seed = 0,
) -> None:  # fmt: skip
    """First-layer filters: dead, dominating, aliased (Fig 6).

    Without --model three kinds of network are trained: ZFNet's 7x7 filters at stride 2 with and
    without renormalisation, and AlexNet's 11x11 at stride 4 (on images below 51 pixels at 1 and 2).
    Stopped, the same command goes on.
    """
    check(device)
    dataset, report = open_dataset(data, split, seed=seed), reporter()
    settings = {"data": data, "split": split, "maps": maps, "images": images, "seed": seed}
    if model:
        settings |= {"models": [str(path) for path in model]}
        groups = [Group(f"{n}", str(path), [open_network(path, device)[0]])
                  for n, path in enumerate(model, start=1)]  # fmt: skip
    else:
        scale = scales.chosen(
            full, {"image_size": image_size, "width": width},
            {"epochs": epochs, "batch_size": batch_size, "lr": lr},
        )  # fmt: skip
        every = range(seed, seed + seeds)
        settings = scale.described() | settings | {"seeds": list(every)}
        train, val = (open_dataset(data, part, seed=seed) for part in ("train", "val"))
        require_classes(train)
        for variant in VARIANTS:  # images that do not fit are refused before their mean is computed
            plan(variant, scale, len(train.classes), seed)
        preprocess = scale.preprocess(train, report)
        trainings = scales.Trainings(train, val, preprocess, out, data, device)
        groups = trained_groups(scale, every, trainings, report)
    results = Results(out, "first-layer", settings)
    page = write_first_layer(groups, dataset, results, maps=maps, images=images, report=report)
    say(
        f"The page is {page.resolve()}; the numbers beside it in first-layer.json, "
        "first-layer.csv and filters.csv."
    )
