"""`zfnet features` and `zfnet project`: projections of feature maps and of single units."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kernels.terminal.progress import say
from zfnet.cli.folder import holding_out
from zfnet.cli.groups import grouped
from zfnet.cli.options import Device, Execution, Model, Seed, Split, open_network, whole_numbers
from zfnet.cli.reporting import reporter
from zfnet.cli.rule_options import RuleSettings, RulesName, chosen
from zfnet.data import open_dataset
from zfnet.deconvnet import Unit
from zfnet.experiments.features.layers import named, story
from zfnet.experiments.features.page import Shown, write_features
from zfnet.experiments.projection.page import write_projections
from zfnet.experiments.shared.photographs import read_photographs
from zfnet.experiments.shared.results import Results
from zfnet.report.figures import Figures


@grouped
@holding_out
def features_command(
    *,
    data: Annotated[str, typer.Option(help="`scenes`, or any folder of images.")],
    model: Model = None,
    out: Annotated[Path, typer.Option(help="Folder for the page and its numbers.")] = Path(
        "features"
    ),
    layer: Annotated[
        list[str] | None,
        typer.Option(
            "--layer",
            "--layers",
            help="Layers' names, with commas or given several times (default: up to six, the last "
            "of each resolution among them).",
        ),
    ] = None,
    maps: Annotated[int, typer.Option(min=1, help="Maps of each layer, drawn at random.")] = 9,
    split: Split = "val",
    rules: RulesName = "deconvnet",
    how: RuleSettings,
    figures: Figures,
    execution: Execution,
) -> None:
    """For maps of each layer: the nine strongest activations, projected (Fig 2)."""
    seed = execution.seed
    methods = chosen(rules, how, seed)
    network, called = open_network(model, execution.device)
    dataset = open_dataset(data, split, seed=seed, follow_links=execution.follow_links)
    shown = Shown(named(network.model, layer), maps, seed, methods)
    settings = {
        "model": called, "data": data, "split": split,
        "layers": shown.layers or story(network.model), "maps": maps, "rules": rules, "seed": seed,
    } | how.given()  # fmt: skip
    page = write_features(
        network,
        dataset,
        Results(out, "features", settings, figures),
        shown,
        report=reporter(),
        say=say,
    )
    say(f"The page is {page.resolve()}; beside it a figure a layer, and features.json.")


@grouped
@holding_out
def project_command(
    *,
    images: Annotated[list[Path], typer.Argument(help="Pictures to look at.", show_default=False)],
    layer: Annotated[
        str, typer.Option(help="conv1 ... fc7, any name that `zfnet show` prints, or scores.")
    ],
    model: Model = None,
    map: Annotated[
        int | None, typer.Option("--map", help="Its strongest unit; else the layer's.")
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            help="MAP,ROW,COLUMN of one unit; of tokens FEATURE,TOKEN,0 (default: the strongest)."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the pictures and the page.")] = Path(
        "projection"
    ),
    rules: RulesName = "deconvnet",
    how: RuleSettings,
    figures: Figures,
    seed: Seed = 0,
    device: Device = "cpu",
) -> None:
    """Project one unit of a layer down to the pixels of each picture."""
    methods = chosen(rules, how, seed)
    figures.inches()  # (refused before anything is computed)
    network, _ = open_network(model, device)
    photographs = read_photographs(images)
    units = None if unit is None else [_unit(unit)]
    found, page = write_projections(
        network, photographs, layer, out, map=map, units=units,
        methods=methods, figures=figures, report=reporter(),
    )  # fmt: skip
    for photograph, projection in zip(photographs, found, strict=True):
        one, box = projection.unit, projection.box
        scored = network.model.has_scores and projection.layer == network.model.scores
        name = f" ({network.classes[one.map]})" if scored else ""
        say(
            f"{photograph.name}: {layer} map {one.map}{name} at ({one.p}, {one.q}), activation "
            f"{projection.value:.4g}, receptive field rows {box.top} to {box.bottom}, columns "
            f"{box.left} to {box.right}"
        )
    say(f"The page is {page.resolve()}, the pictures are beside it.")


def _unit(text: str) -> Unit:
    """ "3,10,12" -> map 3 at (10, 12)."""
    numbers = whole_numbers(text, "--unit")
    if len(numbers) != 3 or min(numbers) < 0:
        raise ValueError(f"--unit takes a map, a row and a column, 3,10,12, got {text!r}")
    return Unit(*numbers)
