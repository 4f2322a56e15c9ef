"""What several commands have among their options, and how lists are written there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from minidl.device import check
from zfnet import network as networks
from zfnet import pretrained
from zfnet.network import Network

Model = Annotated[
    Path | None,
    typer.Option(help="A run's folder, or a network's file (default: the one in the box)."),
]
Device = Annotated[
    Literal["cpu", "cuda", "emulator"],
    typer.Option(help="Where it computes: cuda, a GPU; emulator, its kernels without one, slowly."),
]
Seed = Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")]
Split = Annotated[str, typer.Option(help="Which images: train or val.")]


def open_network(model: Path | None, device: str = "cpu") -> tuple[Network, str]:
    """The network that --model names, or the pretrained one, on `device`, and what to call it."""
    check(device)
    if model is None:
        network, called = pretrained.load(), f"pretrained ({pretrained.FILE.name})"
    else:
        network, called = networks.load(model), str(model)
    network.model.to(device)
    return network, called


def whole_numbers(text: str, option: str) -> tuple[int, ...]:
    """ "1,2,5" -> (1, 2, 5), "" -> (); ValueError names the option."""
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError(f"{option} takes whole numbers with commas, 1,2,5, got {text!r}") from None


def names(text: str) -> tuple[str, ...]:
    """ "conv1, fc7" -> ("conv1", "fc7")."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
