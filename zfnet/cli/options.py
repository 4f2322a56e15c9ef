"""What several commands have among their options, and how lists are written there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zfnet import network as networks
from zfnet import pretrained
from zfnet.network import Network

Model = Annotated[
    Path | None,
    typer.Option(help="A run's folder, or a network's file (default: the one in the box)."),
]
Seed = Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")]
Split = Annotated[str, typer.Option(help="Which images: train or val.")]


def open_network(model: Path | None) -> tuple[Network, str]:
    """The network that --model names, or the pretrained one, and what to call it."""
    if model is None:
        return pretrained.load(), f"pretrained ({pretrained.FILE.name})"
    return networks.load(model), str(model)


def whole_numbers(text: str, option: str) -> tuple[int, ...]:
    """ "1,2,5" -> (1, 2, 5), "" -> (); ValueError names the option."""
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError(f"{option} takes whole numbers with commas, 1,2,5, got {text!r}") from None


def names(text: str) -> tuple[str, ...]:
    """ "conv1, fc7" -> ("conv1", "fc7")."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
