"""Checkpoint of a training run: network, the optimiser's velocity and the position, in one file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from minidl import serialize
from zfnet import network as networks
from zfnet.network import Network
from zfnet.recipe import Recipe

CHECKPOINT = "checkpoint.safetensors"
KERNELS = "kernels.json"
"""The kernels that a tuned run uses (`minidl.autotune`)."""
EPOCHS = "epochs"
"""The folder of the networks that a run kept during training."""


def epoch_file(out: Path, epoch: int) -> Path:
    """The file of the network that the run in `out` kept after an epoch, counted from 1."""
    return out / EPOCHS / f"epoch-{epoch:03d}.safetensors"


def kept_epochs(out: Path) -> dict[int, Path]:
    """The networks that the run in `out` kept, by epoch, in order.

    ValueError if there are none.
    """
    files = sorted((out / EPOCHS).glob("epoch-*.safetensors"))
    found = {int(f.stem.split("-")[1]): f for f in files if f.stem.split("-")[1].isdecimal()}
    if not found:
        raise ValueError(
            f"{out} kept no networks on its way: train with --keep-epochs 1,2,5,10 to have them in "
            f"{out / EPOCHS}"
        )
    return dict(sorted(found.items()))


def save_checkpoint(
    out: Path, network: Network, velocity: Mapping[str, np.ndarray], state: Mapping[str, Any]
) -> None:
    """Write the checkpoint of the run in `out`; a crash leaves the previous one intact."""
    named = {f"velocity.{name}": v for name, v in velocity.items()}
    metadata = {**network.metadata(), "training": json.dumps(state)}
    serialize.save(out / CHECKPOINT, {**network.arrays(), **named}, metadata)


def load_checkpoint(out: Path) -> tuple[Network, Recipe, dict[str, np.ndarray], dict[str, Any]]:
    """The network, recipe, arrays and state of an interrupted run.

    FileNotFoundError without a checkpoint, ValueError if it is damaged or of another kind.
    """
    file = out / CHECKPOINT
    if not file.is_file():
        raise FileNotFoundError(f"nothing to resume in {out}: no {CHECKPOINT} there")
    arrays, metadata = serialize.load(file)
    weights = {name: a for name, a in arrays.items() if not name.startswith("velocity.")}
    network = networks.from_arrays(weights, metadata, source=str(file))
    try:
        state = json.loads(metadata["training"])
        known = {f.name for f in fields(Recipe)}
        recipe = Recipe(**{k: v for k, v in state["recipe"].items() if k in known})
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"{file} cannot be resumed from: {error!r}") from None
    return network, recipe, arrays, state
