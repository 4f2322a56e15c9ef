"""Runs of the networks that an experiment trains, in its folder, resumed if interrupted.

`trained(plan, ...)` returns the trained network: it trains it, loads it if it is finished, or
resumes its training.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import minidl
from kernels.storage.atomic import replacing
from kernels.storage.sealed import sealed, unsealed
from kernels.terminal.progress import stop_on_interrupt, stop_status
from zfnet.checkpoint import CHECKPOINT
from zfnet.data import Dataset, Preprocess
from zfnet.experiments.shared.results import Report, silent
from zfnet.model import ConvNet, as_json
from zfnet.network import Network, require_conv_net
from zfnet.origin import Origin, refusal
from zfnet.parallel.team import stop_asked
from zfnet.recipe import Recipe
from zfnet.resuming import kept_images, kept_run, of_origin
from zfnet.settings import Settings
from zfnet.signals import Stopped
from zfnet.train import Trainer
from zfnet.training_state import Progress

OTHERWISE = "let it go on as it began, give another --out, or remove it"
DATA = "data.json"
"""The file with the fingerprint of a run's images."""


@dataclass(frozen=True)
class Plan:
    """A network to train: its name (the run's folder), architecture and recipe."""

    name: str
    settings: Settings
    recipe: Recipe


def trained(
    plan: Plan,
    train: Dataset,
    val: Dataset,
    preprocess: Preprocess,
    out: Path,
    *,
    data: str = "",
    device: str = "cpu",
    workers: int = 2,
    report: Report = silent,
) -> Trainer:
    """The finished run of `plan` in out/runs/NAME: its `network` and `history`, on `device`.

    Raises Stopped after Ctrl-C, ValueError if the folder has a run of another plan or of
    other images.
    """
    folder = out / "runs" / plan.name
    trainer = _trainer(plan, train, val, preprocess, folder, data, device, workers)
    title, steps = f"training {plan.name}", plan.recipe.epochs * len(trainer.loader)
    with stop_on_interrupt() as pressed:

        def show(p: Progress) -> bool:
            report(title, p.epoch * p.steps + p.step, steps)
            return not pressed and not stop_asked()

        trainer.on_step = show
        trainer.stopping = lambda: bool(pressed) or stop_asked()
        with _threads(trainer.origin.threads):
            finished = trainer.run()
        if not finished:
            raise Stopped(
                f"Stopped while {title}; the same command goes on from {out}.", stop_status(pressed)
            )
    return trainer


def resumed(
    plan: Plan,
    train: Dataset,
    val: Dataset,
    folder: Path,
    *,
    device: str = "cpu",
    workers: int = 2,
) -> Trainer:
    """The run of `plan` in `folder` as its last checkpoint left it, on `device`.

    ValueError if it is a run of another plan or of other images, or if it is not finished and would
    go on otherwise than it began; FileNotFoundError without a checkpoint.
    """
    kept = kept_run(folder)
    network, recipe = kept.network, kept.recipe
    if (
        as_json(require_conv_net(network, "a run").settings) != as_json(plan.settings)
        or recipe != plan.recipe
    ):
        raise ValueError(
            f"{folder} holds a run with other settings; give another --out, or remove it"
        )
    sets = kept_images(kept, train, val, workers=workers)
    if sets.found:
        raise _of_other_images(folder, train, str(sets.found[0]))
    network.model.to(device)
    with _threads(kept.origin.threads if kept.origin else minidl.get_num_threads()):
        origin = Origin.here(data=network.data, device=device, workers=workers)
    refused = refusal(folder, of_origin(kept, origin), OTHERWISE)
    if refused and kept.epoch < recipe.epochs:
        raise ValueError(refused)
    trainer = Trainer(
        network, sets.train, sets.val, folder, recipe, workers=workers, images=sets.images,
        origin=kept.origin if refused else origin,
    )  # fmt: skip
    trainer.restore(kept.arrays, kept.state)
    return trainer


def _of_other_images(folder: Path, train: Dataset, what: str) -> ValueError:
    return ValueError(
        f"{folder} holds a run on other images than the {len(train)} of {train.name} ({what}); "
        "give another --out, or remove it"
    )


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """So many threads, if this machine has them; afterwards as many as before."""
    before = minidl.get_num_threads()
    if count != before:
        with suppress(ValueError):  # the difference is named
            minidl.set_num_threads(count)
    try:
        yield
    finally:
        if count != before:
            minidl.set_num_threads(before)


def _trainer(
    plan: Plan,
    train: Dataset,
    val: Dataset,
    preprocess: Preprocess,
    folder: Path,
    data: str,
    device: str,
    workers: int,
) -> Trainer:
    """A new run in `folder`, or the run that is there if plan and images are the same."""
    images, kept = _fingerprint(train, val, preprocess), folder / DATA
    if (folder / CHECKPOINT).is_file():
        if not kept.is_file() or unsealed(kept.read_text("utf-8")) != images:
            raise _of_other_images(folder, train, f"see {DATA}")
        return resumed(plan, train, val, folder, device=device, workers=workers)
    with replacing(kept) as beside:
        beside.write_text(sealed(images), "utf-8")
    network = Network(ConvNet(plan.settings), preprocess, tuple(train.classes), data)
    network.model.to(device)
    return Trainer(network, train, val, folder, plan.recipe, workers=workers)


def _fingerprint(train: Dataset, val: Dataset, preprocess: Preprocess) -> dict[str, Any]:
    """A fingerprint of the images of a run.

    Scenes of every seed have the same titles, but another mean image.
    """
    return {
        "train": _listed(train),
        "val": _listed(val),
        "mean_crc32": zlib.crc32(preprocess.mean.tobytes()),
    }


def _listed(dataset: Dataset) -> dict[str, int]:
    """The number of images, and the CRC-32 of their titles and labels; reads no image."""
    crc = 0
    for index in range(len(dataset)):
        line = f"{dataset.title(index)}\t{dataset.label(index)}\n"
        # File names need not be UTF-8.
        crc = zlib.crc32(line.encode("utf-8", "surrogateescape"), crc)
    return {"images": len(dataset), "crc32": crc}
