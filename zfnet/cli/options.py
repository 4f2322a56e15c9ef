"""Options that several commands share, and the parsing of comma-separated lists."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from minidl.device import check
from zfnet import network as networks
from zfnet import pretrained
from zfnet.network import Network

Model = Annotated[
    Path | None,
    typer.Option(help="A run's folder, or a network's file (default: the pretrained one)."),
]
Device = Annotated[
    Literal["cpu", "cuda", "emulator"],
    typer.Option(help="Where it computes: cuda, a GPU; emulator, its kernels without one, slowly."),
]
Seed = Annotated[int, typer.Option(min=0, help="Of all random draws.")]
Split = Annotated[
    str, typer.Option(help="Which images: train or val; test, where the data has such a part.")
]
FollowLinks = Annotated[
    bool,
    typer.Option("--follow-links", help="Also symbolic links that lead out of the data's folder."),
]


@dataclass(frozen=True)
class Execution:
    """Where a command computes, the seed of its random draws, and how it reads the data."""

    device: Device = "cpu"
    seed: Seed = 0
    follow_links: FollowLinks = False


def open_network(model: Path | None, device: str = "cpu") -> tuple[Network, str]:
    """The network that --model names, or the pretrained one, on `device`, and its name."""
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
