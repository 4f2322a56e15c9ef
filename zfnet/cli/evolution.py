"""`zfnet evolution`: projections of feature maps at several epochs of a training (Fig 4)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kernels.terminal.progress import say
from minidl.device import check
from zfnet.cli.folder import holding_out
from zfnet.cli.groups import grouped
from zfnet.cli.options import Execution, Split
from zfnet.cli.reporting import reporter
from zfnet.cli.rule_options import OneRule, RuleSettings, chosen_one
from zfnet.data import open_dataset, spread
from zfnet.experiments.evolution.page import write_evolution
from zfnet.report.figures import Figures


@grouped
@holding_out
def evolution_command(
    *,
    run: Annotated[
        Path,
        typer.Option(
            "--run",
            "--model",
            help="A folder in which `zfnet train --keep-epochs 1,2,5` kept networks.",
        ),
    ],
    data: Annotated[str, typer.Option(help="`scenes`, or any folder of images.")],
    out: Annotated[Path, typer.Option(help="Folder for the page and its numbers.")] = Path(
        "evolution"
    ),
    layer: Annotated[
        list[str] | None,
        typer.Option(help="A layer's name; may be given several times (default: all convolutions)"),
    ] = None,
    maps: Annotated[int, typer.Option(min=1, help="Maps of each layer, drawn at random.")] = 6,
    images: Annotated[
        int | None, typer.Option(min=1, help="Images to search, evenly spread (default: all).")
    ] = None,
    split: Split = "val",
    rules: OneRule = "deconvnet",
    how: RuleSettings,
    figures: Figures,
    execution: Execution,
) -> None:
    """Each map's strongest activation, projected, at every epoch that a run kept (Fig 4)."""
    device, seed = execution.device, execution.seed
    check(device)
    method = chosen_one(rules, how, seed)
    every = open_dataset(data, split, seed=seed, follow_links=execution.follow_links)
    dataset = every if images is None else spread(every, images)
    settings = {
        "run": str(run), "data": data, "layer": layer or [], "maps": maps, "images": len(dataset),
        "split": split, "rules": rules, "seed": seed,
    } | how.given()  # fmt: skip
    page = write_evolution(
        run, dataset, out, layers=layer or (), maps=maps, seed=seed, device=device,
        method=method, settings=settings, figures=figures, report=reporter(),
    )  # fmt: skip
    say(f"The page is {page.resolve()}, its numbers are in evolution.json and evolution.csv.")
