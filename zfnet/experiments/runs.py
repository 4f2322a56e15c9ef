"""Networks that an experiment trains itself: named runs in its folder, each resumed if it stopped.

An experiment asks for `trained(plan, ...)` and gets the network, whether it has to be trained, has
been trained before or was interrupted. Nothing that was learned is learned twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kernels.cli.progress import stop_on_interrupt
from zfnet.checkpoint import CHECKPOINT, load_checkpoint
from zfnet.data import Dataset, Preprocess
from zfnet.experiments.results import Report, silent
from zfnet.model import ConvNet, as_json
from zfnet.network import Network
from zfnet.recipe import Recipe
from zfnet.settings import Settings
from zfnet.train import Progress, Trainer


class Stopped(Exception):
    """Ctrl-C, after a checkpoint: the message says how to go on."""


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
    start: Network | None = None,
    data: str = "",
    workers: int = 2,
    report: Report = silent,
) -> Trainer:
    """The finished run of `plan` in out/runs/NAME: its `network` and `history`.

    start: begin with the weights of this network, whose architecture is the plan's, not with drawn
           ones.
    Raises Stopped after Ctrl-C, ValueError if the folder holds a run of another plan.
    """
    trainer = _trainer(plan, train, val, preprocess, out / "runs" / plan.name, start, data, workers)
    title, steps = f"training {plan.name}", plan.recipe.epochs * len(trainer.loader)
    with stop_on_interrupt() as pressed:

        def show(p: Progress) -> bool:
            report(title, p.epoch * p.steps + p.step, steps)
            return not pressed

        trainer.on_step = show
        if not trainer.run():
            raise Stopped(f"Stopped while {title}; the same command goes on from {out}.")
    return trainer


def _trainer(
    plan: Plan,
    train: Dataset,
    val: Dataset,
    preprocess: Preprocess,
    folder: Path,
    start: Network | None,
    data: str,
    workers: int,
) -> Trainer:
    if (folder / CHECKPOINT).is_file():
        network, stored, arrays, state = load_checkpoint(folder)
        if as_json(network.model.settings) != as_json(plan.settings) or stored != plan.recipe:
            raise ValueError(
                f"{folder} holds a run with other settings; give another --out, or remove it"
            )
        trainer = Trainer(network, train, val, folder, plan.recipe, workers=workers)
        trainer.restore(arrays, state)
        return trainer
    network = Network(ConvNet(plan.settings), preprocess, tuple(train.classes), data)
    if start is not None:
        network.model.load_state_dict(start.model.state_dict())
    return Trainer(network, train, val, folder, plan.recipe, workers=workers)
