"""Checkpoint of a training run: network, the optimiser's velocity and the position, in one file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from kernels.storage.atomic import replacing
from kernels.storage.sealed import sealed_xml
from kernels.terminal.sentences import shortened
from minidl import serialize
from zfnet import network as networks
from zfnet.data.listing import Listing
from zfnet.network import Network
from zfnet.recipe import Recipe
from zfnet.report.curves import curve

CHECKPOINT = "checkpoint.safetensors"
LOG, CURVE = "log.jsonl", "curve.svg"
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


def log_text(history: Sequence[Mapping[str, float]]) -> str:
    """The text of log.jsonl: a line for each epoch."""
    return "".join(json.dumps(line) + "\n" for line in history)


def save_results(out: Path, network: Network, history: Sequence[Mapping[str, float]]) -> None:
    """Write the network, the log and the curve; all can be derived from the checkpoint."""
    network.save(out / networks.FILE)
    _write(out / LOG, log_text(history))
    if history:
        _write(out / CURVE, sealed_xml(curve(history)))


def _write(path: Path, text: str) -> None:
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def images_file(out: Path, digest: str) -> Path:
    """The file of the list of images with this digest (`zfnet/data/listing.py`)."""
    return out / f"images-{digest[:12]}.jsonl"


def save_images(out: Path, images: Listing) -> None:
    """Write the list of a run's images, before the first checkpoint that names its digest."""
    file = images_file(out, images.digest)
    if not file.is_file():
        _write(file, images.text())


def load_images(out: Path, digest: str) -> Listing:
    """The list of a run's images; ValueError if it is missing, damaged or another."""
    file = images_file(out, digest)
    try:
        images = Listing.of_text(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} cannot be read: {error}") from None
    if images.digest != digest:
        raise ValueError(f"{file} is the list of other images than the checkpoint's")
    return images


def forget_other_images(out: Path, digest: str) -> None:
    """Remove lists of images that no checkpoint names any more."""
    for file in out.glob("images-*.jsonl"):
        if file != images_file(out, digest):
            file.unlink(missing_ok=True)


def save_checkpoint(
    out: Path,
    network: Network,
    velocity: Mapping[str, np.ndarray],
    state: Mapping[str, Any],
    statistics: Mapping[str, np.ndarray],
) -> None:
    """Write the checkpoint of the run in `out`; a crash leaves the previous one intact.

    statistics: arrays by name that are stored in place of the network's own.
    """
    named = {f"velocity.{name}": v for name, v in velocity.items()}
    metadata = {**network.metadata(), "training": json.dumps(state)}
    serialize.save(out / CHECKPOINT, {**network.arrays(), **statistics, **named}, metadata)


def velocities(
    arrays: Mapping[str, np.ndarray], own: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """A checkpoint's velocities by parameter; ValueError unless they have the shapes of `own`."""
    stored = {name: arrays.get(f"velocity.{name}") for name in own}
    fitting = {n: v for n, v in stored.items() if v is not None and v.shape == own[n].shape}
    unlike = [name for name in own if name not in fitting]
    if unlike:
        raise ValueError(f"the checkpoint has no velocity that fits {', '.join(unlike)}")
    return fitting


def load_state(out: Path) -> dict[str, Any]:
    """The state of the run in `out` alone: neither its network nor its velocities are read.

    Raises as `load_checkpoint` does.
    """
    try:
        return dict(json.loads(serialize.load_text(out / CHECKPOINT)["training"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{out / CHECKPOINT} cannot be read: {error!r}") from None


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
        raise ValueError(f"{file} cannot be resumed from: {shortened(repr(error))}") from None
    return network, recipe, arrays, state
