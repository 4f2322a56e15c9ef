"""Beginning of a run of `zfnet train`: checks of its options, its data and its network."""

from __future__ import annotations

import shutil
from pathlib import Path

import minidl
from kernels.terminal.progress import Task, progress_bars
from zfnet.architectures import NamedSettings
from zfnet.checkpoint import CHECKPOINT
from zfnet.cli.execution import Execution
from zfnet.cli.network_options import Choice, made
from zfnet.cli.parallel import listed, use_one_thread
from zfnet.data import Dataset, Preprocess, default_resize, mean_image
from zfnet.network import Network
from zfnet.origin import Origin, data_name
from zfnet.parallel.sharded import require_shards
from zfnet.parallel.world import Alone, Processes
from zfnet.recipe import Recipe
from zfnet.resuming import open_split
from zfnet.settings import Settings
from zfnet.train import Trainer


def require_new(out: Path, data: str | None, execution: Execution) -> None:
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


def new_run(
    out: Path,
    recipe: Recipe,
    data: str,
    choice: Choice,
    resize: int | None,
    execution: Execution,
    world: Alone | Processes,
) -> Trainer:
    """A trainer at the beginning of a run in `out`."""
    _require_reached(recipe)
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


def _require_reached(recipe: Recipe) -> None:
    """ValueError for epochs that are to be kept and that the training does not reach."""
    last = max(recipe.keep_epochs, default=0)
    if last > recipe.epochs:
        raise ValueError(
            f"--keep-epochs names epoch {last}, and the training ends after {recipe.epochs}: give "
            f"--epochs {last}, or leave it out of --keep-epochs"
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
