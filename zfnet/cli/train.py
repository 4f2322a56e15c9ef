"""`zfnet train`: training of a network on a folder of images or on drawn scenes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
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
from zfnet.checkpoint import CHECKPOINT, CURVE, KERNELS
from zfnet.cli.execution import Execution
from zfnet.cli.groups import Given, Options, grouped
from zfnet.cli.network_options import AFTER_THE_DATA, ByName, Choice
from zfnet.cli.network_options import PANEL as NETWORK
from zfnet.cli.new_run import new_run, require_new
from zfnet.cli.parallel import (
    launching,
    of_processes,
    require_alike,
    require_possible,
    say_hidden,
    with_shards,
)
from zfnet.cli.resume import Asked, command, resumed, with_epochs
from zfnet.network import FILE
from zfnet.parallel.world import Alone, Processes, here
from zfnet.recipe import Recipe
from zfnet.settings import OWN, Settings
from zfnet.train import Trainer
from zfnet.training_state import Progress

RECIPE = "Recipe (defaults: the paper's, section 3)"


RecipeOptions = Annotated[Recipe, Options(RECIPE, outside=("checkpoint_every", "keep_epochs"))]
SettingsOptions = Annotated[
    dict[str, Any],
    Options(NETWORK, given=Settings, without=AFTER_THE_DATA, unset=tuple(OWN["alexnet"])),
]
Data = Annotated[
    str | None,
    typer.Option(
        help="`scenes`, a folder of class folders, or Tiny ImageNet's (needed but with --resume, "
        "which takes the run's)."
    ),
]
Resize = Annotated[
    int | None,
    typer.Option(
        help="Side that images are brought to before cropping (default: 256 / 224 of "
        "--image-size).",
        rich_help_panel=NETWORK,
    ),
]


@grouped
def train_command(
    *,
    out: Annotated[Path, typer.Option(help="Folder of the run: weights, checkpoint, log, curve.")],
    data: Data = None,
    recipe: RecipeOptions,
    named: Annotated[ByName, Options(NETWORK)],
    settings: SettingsOptions,
    execution: Execution,
    resize: Resize = None,
    given: Given,
) -> None:
    """Train a network; Ctrl-C stops it, --resume continues it, to the same weights bit for bit.

    SIGTERM, as batch systems send it, stops it like Ctrl-C: after the current step, with a
    checkpoint. The exit status is 130 after Ctrl-C, 143 after SIGTERM.
    """
    choice = Choice(settings, named, given)
    if not execution.resume:
        require_new(out, data, execution)
    elif not (out / CHECKPOINT).is_file():
        raise FileNotFoundError(f"nothing to resume in {out}: no {CHECKPOINT} there")
    world = here()
    with writing_into(out) if world.rank == 0 else nullcontext():
        if execution.resume:
            trainer = resumed(out, _asked(choice, data, recipe, resize, execution), world)
        else:
            assert data is not None
            recipe = with_shards(choice.recipe(recipe), given)
            trainer = new_run(out, recipe, data, choice, resize, execution, world)
        origin = trainer.origin
        require_possible(world, trainer.recipe, origin.device, origin.autotune)
        require_alike(trainer)
        with _tuned(out, trainer.origin.autotune, execution.resume, world):
            status = run(trainer)
    if status:
        raise typer.Exit(status)


def _asked(
    choice: Choice, data: str | None, recipe: Recipe, resize: int | None, execution: Execution
) -> Asked:
    own = {name: value for name, value in vars(execution).items() if name != "resume"}
    return Asked(choice.typed, data, recipe, choice.given(), resize, **own)


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
