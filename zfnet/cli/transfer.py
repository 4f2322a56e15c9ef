"""`zfnet transfer`: a network's features on another data set (Tables 4 to 6, Fig 9)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from kernels.terminal.progress import say
from zfnet.cli.options import Device, Model, Seed, open_network, whole_numbers
from zfnet.cli.reporting import reporter
from zfnet.data.voc import Voc
from zfnet.experiments.shared.feature_bank import MEMORY
from zfnet.experiments.shared.protocols import PROTOCOLS, open_whole
from zfnet.experiments.shared.results import Results
from zfnet.experiments.transfer.measure import SCRATCH_EPOCHS
from zfnet.experiments.transfer.page import write_transfer
from zfnet.experiments.transfer.voc_page import write_voc

Option = typer.Option
FOLDS = "With folds of images (not for voc2012)"


def transfer_command(
    data: Annotated[
        str, Option(help="`scenes`, a folder with a folder of images a class, or VOC2012's.")
    ],
    model: Model = None,
    out: Annotated[Path, Option(help="Folder for the page, its numbers and the runs.")] = Path(
        "transfer"
    ),
    protocol: Annotated[
        Literal["folders", "caltech101", "caltech256", "voc2012"],
        Option(help="What the data set is, and how the paper uses it."),
    ] = "folders",
    per_class: Annotated[
        str,
        Option(
            help="Images a class to learn from, with commas (default: the protocol's).",
            rich_help_panel=FOLDS,
        ),
    ] = "",
    folds: Annotated[
        int, Option(min=1, help="Draws of images to learn from.", rich_help_panel=FOLDS)
    ] = 5,
    scratch: Annotated[
        bool, Option(help="Train the architecture from scratch too.", rich_help_panel=FOLDS)
    ] = True,
    scratch_epochs: Annotated[
        int, Option(min=1, help="Epochs of those trainings.", rich_help_panel=FOLDS)
    ] = SCRATCH_EPOCHS,
    split: Annotated[
        str, Option(help="Of scenes, or a folder in parts: train or val.", rich_help_panel=FOLDS)
    ] = "val",
    c: Annotated[
        float | None,
        Option("--c", help="The classifiers' C (default: chosen on images held out)."),
    ] = None,
    memory: Annotated[int, Option(min=1, help="Megabytes of features, at most.")] = MEMORY,
    device: Device = "cpu",
    seed: Seed = 0,
) -> None:
    """A trained network's layers with a new softmax, against training from scratch (Fig 9)

    Trainings from scratch that were stopped go on with the same command.
    """
    network, called = open_network(model, device)
    given = {"model": called, "data": data, "protocol": protocol}
    drawn = {"c": "chosen" if c is None else c, "memory": memory, "seed": seed}
    options: dict[str, Any] = {"c": c, "memory": memory, "seed": seed, "report": reporter()}
    if protocol == "voc2012":
        splits = Voc(data, "train"), Voc(data, "val")
        page = write_voc(network, splits, Results(out, "transfer", {**given, **drawn}), **options)
    else:
        chosen = PROTOCOLS[protocol]
        sizes = whole_numbers(per_class, "--per-class") or chosen.per_class
        epochs = scratch_epochs if scratch else 0
        settings = {"per_class": sizes, "folds": folds, "scratch_epochs": epochs, "split": split}
        page = write_transfer(
            network, open_whole(data, chosen, split=split, seed=seed), chosen,
            Results(out, "transfer", {**given, **settings, **drawn}), per_class=sizes, folds=folds,
            scratch_epochs=epochs, **options,
        )  # fmt: skip
    say(f"The page is {page.resolve()}, its numbers are beside it: transfer.json, transfer.csv.")
