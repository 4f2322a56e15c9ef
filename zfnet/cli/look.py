"""`zfnet features` and `zfnet project`: look into a network that is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from kernels.cli.progress import say
from minidl import rules
from zfnet.cli.reporting import reporter
from zfnet.data import open_dataset
from zfnet.experiments.feature_page import write_features
from zfnet.experiments.photographs import read_photographs
from zfnet.experiments.projection_page import write_projections
from zfnet.network import load

TABLES = {"deconvnet": rules.deconvnet, "guided": rules.guided, "gradient": rules.gradient}
Model = Annotated[Path, typer.Option(help="A run's folder, or a network's file.")]
RulesName = Annotated[
    Literal["deconvnet", "guided", "gradient"],
    typer.Option("--rules", help="How to walk back to the pixels."),
]


def features_command(
    model: Model,
    data: Annotated[str, typer.Option(help="`scenes`, or any folder of images.")],
    out: Annotated[Path, typer.Option(help="Folder for the page and its numbers.")] = Path(
        "features"
    ),
    layer: Annotated[
        list[str] | None, typer.Option(help="A layer's name; may be given several times.")
    ] = None,
    maps: Annotated[int, typer.Option(min=1, help="Maps of each layer, drawn at random.")] = 9,
    split: Annotated[str, typer.Option(help="Which images: train or val.")] = "val",
    table: RulesName = "deconvnet",
    seed: Annotated[int, typer.Option(min=0, help="Draws the maps, and the scenes.")] = 0,
) -> None:
    """For maps of each layer: the nine strongest activations, projected (Fig 2)."""
    network = load(model)
    dataset = open_dataset(data, split, seed=seed)
    page = write_features(
        network, dataset, out, layers=layer or (), maps=maps, seed=seed, table=TABLES[table],
        report=reporter(),
    )  # fmt: skip
    say(f"The page is {page.resolve()}, its numbers are beside it in features.json.")


def project_command(
    images: Annotated[list[Path], typer.Argument(help="Pictures to look at.", show_default=False)],
    model: Model,
    layer: Annotated[str, typer.Option(help="conv1 ... pool5, fc6, fc7, or scores.")],
    map: Annotated[
        int | None, typer.Option("--map", help="Its strongest unit; else the layer's.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the pictures and the page.")] = Path(
        "projection"
    ),
    table: RulesName = "deconvnet",
) -> None:
    """Project one unit of a layer down to the pixels of each picture."""
    network = load(model)
    photographs = read_photographs(images)
    found, page = write_projections(network, photographs, layer, out, map=map, table=TABLES[table])
    for photograph, projection in zip(photographs, found, strict=True):
        unit, box = projection.unit, projection.box
        name = f" ({network.classes[unit.map]})" if projection.layer == "fc8" else ""
        say(
            f"{photograph.name}: {layer} map {unit.map}{name} at ({unit.p}, {unit.q}), activation "
            f"{projection.value:.4g}, sees rows {box.top} to {box.bottom}, columns {box.left} to "
            f"{box.right}"
        )
    say(f"The page is {page.resolve()}, the pictures are beside it.")
