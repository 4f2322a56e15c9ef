"""Options of linear classifiers on features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from zfnet.experiments.shared.feature_bank import MEMORY


@dataclass(frozen=True)
class ClassifierOptions:
    """C of the classifiers (None: cross-validated) and the memory for their features."""

    c: Annotated[
        float | None,
        typer.Option("--c", help="The classifiers' C (default: chosen on images held out)."),
    ] = None
    memory: Annotated[
        int,
        typer.Option(min=1, help="Megabytes of features; planes that exceed them are averaged."),
    ] = MEMORY

    @property
    def shown(self) -> dict[str, object]:
        """As a page records them."""
        return {"c": "chosen" if self.c is None else self.c, "memory": self.memory}
