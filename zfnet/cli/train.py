"""`zfnet train`: training of a network on a folder of images or on drawn scenes."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

import minidl
from kernels.storage.atomic import writing_into
from kernels.terminal.progress import (
    Task,
    progress_bars,
    say,
    say_skipped,
    stop_on_interrupt,
    stop_status,
)
from zfnet.architectures import NamedSettings
from zfnet.checkpoint import CHECKPOINT, CURVE, KERNELS
from zfnet.cli.groups import Given, Options, grouped
from zfnet.cli.network_options import AFTER_THE_DATA, ByName, Choice, made
from zfnet.cli.network_options import PANEL as NETWORK
from zfnet.cli.options import Device, FollowLinks
from zfnet.cli.parallel import (
    launching,
    listed,
    of_processes,
    require_alike,
    require_possible,
    say_hidden,
    use_one_thread,
    with_shards,
)
from zfnet.cli.resume import Asked, command, resumed, with_epochs
from zfnet.data import Dataset, Preprocess, default_resize, mean_image
from zfnet.network import FILE, Network
from zfnet.origin import Origin, data_name
from zfnet.parallel.sharded import require_shards
from zfnet.parallel.world import Alone, Processes, here
from zfnet.recipe import Recipe
from zfnet.resuming import open_split
from zfnet.settings import OWN, Settings
from zfnet.train import Trainer
from zfnet.training_state import Progress

RECIPE = "Recipe (defaults: the paper's, section 3)"


@dataclass(frozen=True)
class Execution:
    """How the training runs, apart from its recipe."""

    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on from the last checkpoint, with the options of the beginning."
        ),
    ] = False
    allow_changes: Annotated[
        bool,
        typer.Option(
            "--allow-changes",
            help="With --resume: also go on where options, images, threads or kernels are others, "
            "and the weights will not be those of an uninterrupted run.",
        ),
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
    out: Annotated[Path, typer.Option(help="Folder of the run: weights, checkpoint, log, curve.")],
    data: Annotated[
        str | None,
        typer.Option(
            help="`scenes`, a folder of class folders, or Tiny ImageNet's (needed but with "
            "--resume, which takes the run's)."
        ),
    ] = None,
    recipe: Annotated[Recipe, Options(RECIPE, outside=("checkpoint_every", "keep_epochs"))],
    named: Annotated[ByName, Options(NETWORK)],
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
    given: Given,
) -> None:
    """Train a network; Ctrl-C stops it, --resume continues it, to the same weights bit for bit.

    SIGTERM, as batch systems send it, stops it like Ctrl-C: after the current step, with a
    checkpoint. The exit status is 130 after Ctrl-C, 143 after SIGTERM.
    """
    choice = Choice(settings, named, given)
    if not execution.resume:
        _require_new(out, data, execution)
    elif not (out / CHECKPOINT).is_file():
        raise FileNotFoundError(f"nothing to resume in {out}: no {CHECKPOINT} there")
    world = here()
    with writing_into(out) if world.rank == 0 else nullcontext():
        if execution.resume:
            trainer = resumed(out, _asked(choice, data, recipe, resize, execution), world)
        else:
            assert data is not None
            recipe = with_shards(choice.recipe(recipe), given)
            trainer = _new(out, recipe, data, choice, resize, execution, world)
        origin = trainer.origin
        require_possible(world, trainer.recipe, origin.device, origin.autotune)
        require_alike(trainer)
        with _tuned(out, trainer.origin.autotune, execution.resume, world):
            status = run(trainer)
    if status:
        raise typer.Exit(status)


def _require_new(out: Path, data: str | None, execution: Execution) -> None:
    """ValueError for a folder that has a run, and for options that only a resumed one takes."""
    if data is None:
        raise ValueError("--data is missing: `scenes`, or a folder with a folder of images a class")
    if execution.allow_changes:
        raise ValueError("--allow-changes is for --resume: a new run has nothing to change")
    minidl.device.check(execution.device)
    if execution.threads is not None:
        minidl.set_num_threads(execution.threads)
    else:
        use_one_thread()


def _asked(
    choice: Choice, data: str | None, recipe: Recipe, resize: int | None, execution: Execution
) -> Asked:
    own = {name: value for name, value in vars(execution).items() if name != "resume"}
    return Asked(choice.typed, data, recipe, choice.given(), resize, **own)


def _new(
    out: Path,
    recipe: Recipe,
    data: str,
    choice: Choice,
    resize: int | None,
    execution: Execution,
    world: Alone | Processes,
) -> Trainer:
    """A trainer at the beginning of a run in `out`."""
    origin = Origin.here(
        data=data_name(data), device=execution.device, autotune=execution.autotune,
        strict=execution.strict, workers=execution.workers, use_test=execution.use_test,
        follow_links=execution.follow_links,
    )  # fmt: skip
    train_set, val_set = open_split(origin, recipe.seed)
    settings = choice.settings(len(train_set.classes), recipe.seed)
    require_shards(recipe, world)
    network = _new_network(settings, train_set, data, resize, out, execution, world)
    images = listed(train_set, val_set, execution.workers, world)
    network.model.to(execution.device)
    return Trainer(
        network, train_set, val_set, out, recipe, workers=execution.workers,
        strict=execution.strict, images=images, origin=origin, world=world,
    )  # fmt: skip


def _tuned(
    out: Path, autotune: bool, resume: bool, world: Alone | Processes
) -> AbstractContextManager[object]:
    """The run's choice of kernels: measured for a new tuned run, read if it is resumed."""
    record = out / KERNELS
    if not resume and world.rank == 0:
        record.unlink(missing_ok=True)
    return minidl.autotune(record=record) if autotune or record.exists() else nullcontext()


def run(trainer: Trainer, again: str = "") -> int:
    """Train with a progress bar or lines; the exit status, that of the signal if one stopped it.

    again: the command that goes on, by default `zfnet train --resume`.
    """
    network, recipe, out = trainer.network, trainer.recipe, trainer.out
    device = network.model.device
    say(
        f"{network.model.parameter_count:,} parameters, {len(network.classes)} classes, "
        f"{len(trainer.loader.dataset):,} images, {of_processes(trainer)}"
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
        trainer.stopping = lambda: bool(pressed)
        finished = trainer.run()
    say_skipped(trainer.loader.bad)
    say_hidden(trainer)
    if finished:
        say(f"The network is in {out / FILE}, its curve in {out / CURVE}.")
        if not again:
            more = command(out, *with_epochs(recipe))
            say(f"For more epochs:\n  {launching(trainer)}{more}")
    else:
        again = again or f"{launching(trainer)}{command(out)}"
        say(f"Stopped; everything is in {out / CHECKPOINT}. Go on with\n  {again}")
    # One process may have had SIGTERM, and another one nothing.
    return 0 if finished else max(trainer.world.gather(stop_status(pressed)))


def _say_epoch(line: dict[str, float]) -> None:
    say(
        f"epoch {line['epoch']:.0f}: loss {line['train_loss']:.3f}, validation loss "
        f"{line['val_loss']:.3f}, accuracy {line['val_accuracy']:.1%} (top 5 "
        f"{line['val_top5_accuracy']:.1%}), {line['images_per_second']:.0f} images/s, "
        f"learning rate {line['lr']:.2g}"
    )


def _new_network(
    settings: Settings | NamedSettings,
    dataset: Dataset,
    data: str,
    resize: int | None,
    out: Path,
    execution: Execution,
    world: Alone | Processes,
) -> Network:
    """A network with random weights and the training set's mean."""
    if (out / CHECKPOINT).exists():
        raise ValueError(
            f"{out} holds a run already; give --resume to go on with it, or another --out"
        )
    model = made(settings)
    if world.rank == 0:
        _check_room(out, 4 * 4 * model.parameter_count)
    side = resize or default_resize(settings.image_size)
    with progress_bars() as bars:
        task = Task(bars, "mean image", len(dataset))
        mean = mean_image(
            dataset, side, task.update, workers=execution.workers, strict=execution.strict,
            world=world,
        )  # fmt: skip
    return Network(model, Preprocess(settings.image_size, side, mean), tuple(dataset.classes), data)


def _check_room(out: Path, needed: int) -> None:
    """ValueError if the disk has no room for the run's files, before any training."""
    free = shutil.disk_usage(out).free
    if free < needed:
        raise ValueError(
            f"{out} has {free / 1e6:.0f} MB free; weights and checkpoints of this network need "
            f"{needed / 1e6:.0f} MB"
        )
