"""`zfnet ablation`: networks with layers removed, resized and averaged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kernels.terminal.progress import say
from minidl.device import check
from zfnet.cli.options import Device, Seed, names
from zfnet.cli.reporting import reporter
from zfnet.data import open_dataset, require_classes
from zfnet.experiments.ablation.measure import plans
from zfnet.experiments.ablation.page import write_ablation
from zfnet.experiments.ablation.rows import ROWS, choose_rows
from zfnet.experiments.shared import scales
from zfnet.experiments.shared.results import Results

Option = typer.Option
SCALE = "Scale (defaults: small, for `scenes`; with --full the paper's)"


def ablation_command(
    data: Annotated[str, Option(help="`scenes`, or a folder as for `zfnet train`.")],
    out: Annotated[Path, Option(help="Folder for the page, its numbers and the runs.")] = Path(
        "ablation"
    ),
    rows: Annotated[str, Option(help="Names of rows with commas; empty: all of Table 3 "
                                f"({', '.join(row.name for row in ROWS)}).")] = "",
    seeds: Annotated[int, Option(min=1, help="Networks of each row.")] = 3,
    full: Annotated[bool, Option("--full", help="224 pixels, the paper's width and recipe: 70 "
                                 "epochs, ten crops; days a network on a GPU.",
                                 rich_help_panel=SCALE)] = False,
    epochs: Annotated[int | None, Option(min=1, help="8, or 70.", rich_help_panel=SCALE)] = None,
    image_size: Annotated[int | None, Option(help="Side of a crop in pixels: 56, or 224.",
                                             rich_help_panel=SCALE)] = None,
    width: Annotated[float | None, Option(help="Maps, as a share of the paper's: 1/3, or 1.",
                                          rich_help_panel=SCALE)] = None,
    hidden: Annotated[int | None, Option(min=1, help="Units of layers 6 and 7: 256, or 4096.",
                                         rich_help_panel=SCALE)] = None,
    batch_size: Annotated[int | None, Option(help="32, or 128.", rich_help_panel=SCALE)] = None,
    lr: Annotated[float | None, Option(help="Learning rate: 0.02, or 0.01.",
                                       rich_help_panel=SCALE)] = None,
    device: Device = "cpu",
    seed: Seed = 0,
) -> None:  # fmt: skip
    """Train networks with layers removed, resized and averaged (Tables 2 and 3).

    Stopped, the same command goes on: what was trained is kept in the folder's runs. A network
    takes some minutes at the small scale on two cores, and Table 3 has twelve for each seed.
    """
    check(device)
    scale = scales.chosen(
        full,
        {"image_size": image_size, "width": width, "hidden": hidden},
        {"epochs": epochs, "batch_size": batch_size, "lr": lr},
    )
    chosen, report = choose_rows(names(rows)), reporter()
    train, val = (open_dataset(data, split, seed=seed) for split in ("train", "val"))
    require_classes(train)
    every = range(seed, seed + seeds)
    for row in chosen:  # images that do not fit are refused before their mean is computed
        plans(row, every, scale, len(train.classes))
    described = {"data": data, "rows": [row.name for row in chosen], "seeds": list(every)}
    settings = scale.described() | described | {"seed": seed}
    trainings = scales.Trainings(train, val, scale.preprocess(train, report), out, data, device)
    results = Results(out, "ablation", settings)
    page = write_ablation(chosen, every, scale, trainings, results, report)
    say(
        f"The page is {page.resolve()}; the numbers beside it in ablation.json, table-2.csv and "
        "table-3.csv."
    )
