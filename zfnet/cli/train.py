"""`zfnet train`: training of a network on a folder of images or on drawn scenes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

import minidl
from kernels.terminal.progress import Task, progress_bars, say, say_skipped, stop_on_interrupt
from zfnet.checkpoint import CHECKPOINT, KERNELS, load_checkpoint
from zfnet.cli.groups import Options, grouped
from zfnet.cli.options import Device, FollowLinks
from zfnet.data import (
    Dataset,
    Preprocess,
    default_resize,
    mean_image,
    open_dataset,
    require_classes,
)
from zfnet.model import ConvNet
from zfnet.network import FILE, Network
from zfnet.recipe import Recipe
from zfnet.settings import OWN, Settings
from zfnet.train import Trainer
from zfnet.training_state import Progress

RECIPE, NETWORK = "Recipe (defaults: the paper's, section 3)", "Network"
AFTER_THE_DATA = ("num_classes", "seed")
"""Fields of `Settings` without an option: the data and the recipe's seed give them."""


@dataclass(frozen=True)
class Execution:
    """How the training runs, apart from its recipe."""

    resume: Annotated[
        bool, typer.Option("--resume", help="Resume the run from its last checkpoint.")
    ] = False
    workers: Annotated[int, typer.Option(help="Threads that decode images in advance.")] = 2
    device: Device = "cpu"
    threads: Annotated[int | None, typer.Option(help="Threads that compute (default: all).")] = None
    autotune: Annotated[
        bool,
        typer.Option(
            "--autotune",
            help="Measure which kernels are the fastest here; the run keeps the choice.",
        ),
    ] = False
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse unreadable images instead of skipping them.")
    ] = False
    use_test: Annotated[
        bool, typer.Option("--use-test", help="Validate on DIR/test, which is passed over else.")
    ] = False
    follow_links: FollowLinks = False


@grouped
def train_command(
    *,
    data: Annotated[
        str, typer.Option(help="`scenes`, a folder of class folders, or Tiny ImageNet's.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run: weights, checkpoint, log, curve.")],
    recipe: Annotated[Recipe, Options(RECIPE, outside=("checkpoint_every", "keep_epochs"))],
    settings: Annotated[
        dict[str, Any],
        Options(NETWORK, given=Settings, without=AFTER_THE_DATA, unset=tuple(OWN["alexnet"])),
    ],
    execution: Execution,
    resize: Annotated[
        int | None,
        typer.Option(
            help="Side that images are brought to before cropping (default: 256 / 224 of "
            "--image-size).",
            rich_help_panel=NETWORK,
        ),
    ] = None,
) -> None:
    """Train a network; Ctrl-C stops it, --resume continues it, to the same weights bit for bit."""
    minidl.device.check(execution.device)
    if execution.threads is not None:
        minidl.set_num_threads(execution.threads)
    if execution.resume:
        trainer = _resumed(out, recipe, data, execution)
    else:
        trainer = _new(out, recipe, data, settings, resize, execution)
    with _tuned(out, execution.autotune, execution.resume):
        finished = run(trainer)
    if not finished:
        raise typer.Exit(130)  # as shells have it for a command that Ctrl-C ended


def _new(
    out: Path,
    recipe: Recipe,
    data: str,
    given: Mapping[str, Any],
    resize: int | None,
    execution: Execution,
) -> Trainer:
    """A trainer at the beginning of a run in `out`."""
    train_set, val_set = _open(data, recipe.seed, execution)
    settings = Settings.of(**given, num_classes=len(train_set.classes), seed=recipe.seed)
    network = _new_network(settings, train_set, data, resize, out, execution)
    return _trainer(network, (train_set, val_set), out, recipe, execution)


def _trainer(
    network: Network,
    sets: tuple[Dataset, Dataset],
    out: Path,
    recipe: Recipe,
    execution: Execution,
) -> Trainer:
    network.model.to(execution.device)
    workers, strict = execution.workers, execution.strict
    return Trainer(network, *sets, out, recipe, workers=workers, strict=strict)


def _tuned(out: Path, autotune: bool, resume: bool) -> AbstractContextManager[object]:
    """The run's choice of kernels: measured for a new tuned run, read if it is resumed."""
    record = out / KERNELS
    if not resume:
        record.unlink(missing_ok=True)
    return minidl.autotune(record=record) if autotune or record.exists() else nullcontext()


def run(trainer: Trainer) -> bool:
    """Train with a progress bar or lines; False if Ctrl-C stopped it."""
    network, recipe, out = trainer.network, trainer.recipe, trainer.out
    device = network.model.device
    say(
        f"{network.model.parameter_count:,} parameters, {len(network.classes)} classes, "
        f"{len(trainer.loader.dataset):,} images, "
        + (f"{minidl.get_num_threads()} threads" if device == "cpu" else f"on {device}")
    )
    steps = len(trainer.loader)
    with stop_on_interrupt() as pressed, progress_bars() as bars:
        task = Task(bars, "training", recipe.epochs * steps)

        def show(p: Progress) -> bool:
            note = (
                f"epoch {p.epoch + 1}/{p.epochs}  loss {p.loss:.3f}  accuracy {p.accuracy:.1%}  "
                f"{p.images_per_second:.0f} images/s"
            )
            task.update(p.epoch * steps + p.step, note=note)
            return not pressed

        trainer.on_step, trainer.on_epoch = show, _say_epoch
        finished = trainer.run()
    _say_end(trainer, finished, out)
    return finished


def _say_epoch(line: dict[str, float]) -> None:
    say(
        f"epoch {line['epoch']:.0f}: loss {line['train_loss']:.3f}, validation loss "
        f"{line['val_loss']:.3f}, accuracy {line['val_accuracy']:.1%} (top 5 "
        f"{line['val_top5_accuracy']:.1%}), {line['images_per_second']:.0f} images/s, "
        f"learning rate {line['lr']:.2g}"
    )


def _say_end(trainer: Trainer, finished: bool, out: Path) -> None:
    say_skipped(trainer.loader.bad)
    if finished:
        say(f"The network is in {out / FILE}, its curve in {out / 'curve.svg'}.")
    else:
        say(f"Stopped; everything is in {out / CHECKPOINT}. Go on with --resume.")


def _new_network(
    settings: Settings,
    dataset: Dataset,
    data: str,
    resize: int | None,
    out: Path,
    execution: Execution,
) -> Network:
    """A network with random weights and the training set's mean."""
    if (out / CHECKPOINT).exists():
        raise ValueError(
            f"{out} holds a run already; give --resume to go on with it, or another --out"
        )
    model = ConvNet(settings)
    out.mkdir(parents=True, exist_ok=True)
    _check_room(out, 4 * 4 * model.parameter_count)
    side = resize or default_resize(settings.image_size)
    with progress_bars() as bars:
        task = Task(bars, "mean image", len(dataset))
        mean = mean_image(
            dataset, side, task.update, workers=execution.workers, strict=execution.strict
        )
    return Network(model, Preprocess(settings.image_size, side, mean), tuple(dataset.classes), data)


def _check_room(out: Path, needed: int) -> None:
    """ValueError if the disk has no room for the run's files, before any training."""
    free = shutil.disk_usage(out).free
    if free < needed:
        raise ValueError(
            f"{out} has {free / 1e6:.0f} MB free; weights and checkpoints of this network need "
            f"{needed / 1e6:.0f} MB"
        )


def _open(data: str, seed: int, execution: Execution) -> tuple[Dataset, Dataset]:
    """The training and the validation images; `seed` draws the split, or the scenes."""
    how: dict[str, Any] = {"seed": seed, "follow_links": execution.follow_links}
    if execution.use_test:  # then no part of train is held out
        how["val_fraction"] = 0
    validation = "test" if execution.use_test else "val"
    train_set, val_set = (open_dataset(data, split, **how) for split in ("train", validation))
    require_classes(train_set)
    return train_set, val_set


def _resumed(out: Path, recipe: Recipe, data: str, execution: Execution) -> Trainer:
    """A trainer at the last checkpoint in `out`, with that run's recipe but for the epochs."""
    network, stored, arrays, state = load_checkpoint(out)
    kept = replace(stored, epochs=recipe.epochs, checkpoint_every=recipe.checkpoint_every,
                   keep_epochs=recipe.keep_epochs or stored.keep_epochs)  # fmt: skip
    if kept != recipe:
        say(f"going on with the recipe that the run began with: {kept}")
    trainer = _trainer(network, _open(data, kept.seed, execution), out, kept, execution)
    trainer.restore(arrays, state)
    return trainer
