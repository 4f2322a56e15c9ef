"""Options of the scale at which an experiment trains its networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from zfnet.experiments.shared import scales
from zfnet.experiments.shared.scales import Scale

Option = typer.Option


@dataclass(frozen=True)
class ScaleOptions:
    """Changes to the small scale or, with `full`, to the paper's; None leaves a value as it is."""

    full: Annotated[
        bool,
        Option(
            "--full",
            help="224 pixels, the paper's width and recipe: 70 epochs, ten crops; days per network "
            "on a GPU.",
        ),
    ] = False
    epochs: Annotated[int | None, Option(min=1, help="8, or 70.")] = None
    image_size: Annotated[int | None, Option(help="Side of a crop in pixels: 56, or 224.")] = None
    width: Annotated[float | None, Option(help="Maps, as a share of the paper's: 1/3, or 1.")] = (
        None
    )
    hidden: Annotated[int | None, Option(min=1, help="Units of layers 6 and 7: 256, or 4096.")] = (
        None
    )
    batch_size: Annotated[int | None, Option(help="32, or 128.")] = None
    lr: Annotated[float | None, Option(help="Learning rate: 0.02, or 0.01.")] = None

    def scale(self) -> Scale:
        """ValueError for a value out of range."""
        own = {"image_size": self.image_size, "width": self.width, "hidden": self.hidden}
        recipe = {"epochs": self.epochs, "batch_size": self.batch_size, "lr": self.lr}
        return scales.chosen(self.full, own, recipe)
