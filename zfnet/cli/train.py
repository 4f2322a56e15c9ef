"""`zfnet train`: from images to a network."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

import minidl
from kernels.terminal.progress import Task, progress_bars, say, say_skipped, stop_on_interrupt
from zfnet.checkpoint import CHECKPOINT, KERNELS, load_checkpoint
from zfnet.cli.options import Device, whole_numbers
from zfnet.data import (
    Dataset,
    Preprocess,
    default_resize,
    mean_image,
    open_dataset,
    require_classes,
)
from zfnet.model import ConvNet, Settings
from zfnet.network import FILE, Network
from zfnet.recipe import Recipe
from zfnet.train import Progress, Trainer

Option = typer.Option
RECIPE, NETWORK = "Recipe (defaults: the paper's, section 3)", "Network"


def train_command(
    data: Annotated[str, Option(help="`scenes`, a folder of class folders, or Tiny ImageNet's.")],
    out: Annotated[Path, Option(help="Folder of the run: weights, checkpoint, log, curve.")],
    resume: Annotated[bool, Option("--resume", help="Go on where the run stopped.")] = False,
    epochs: Annotated[int, Option(rich_help_panel=RECIPE)] = 70,
    batch_size: Annotated[int, Option(rich_help_panel=RECIPE)] = 128,
    lr: Annotated[float, Option(help="Learning rate.", rich_help_panel=RECIPE)] = 1e-2,
    momentum: Annotated[float, Option(rich_help_panel=RECIPE)] = 0.9,
    weight_decay: Annotated[float, Option(rich_help_panel=RECIPE)] = 0.0,
    schedule: Annotated[
        Literal["plateau", "cosine"],
        Option(help="Lower the rate on a plateau of the validation error, or along a cosine.",
               rich_help_panel=RECIPE),
    ] = "plateau",
    factor: Annotated[float, Option(help="What a plateau multiplies the rate by.",
                                    rich_help_panel=RECIPE)] = 0.1,
    patience: Annotated[int, Option(help="Epochs without progress that make a plateau.",
                                    rich_help_panel=RECIPE)] = 3,
    max_rms: Annotated[float, Option(help="Filters above it are scaled back; 0: never.",
                                     rich_help_panel=RECIPE)] = 0.1,
    crops: Annotated[
        Literal["ten", "random", "centre"],
        Option(help="One of the paper's ten crops a visit, any position and flip, or the centre.",
               rich_help_panel=RECIPE),
    ] = "ten",
    seed: Annotated[int, Option(help="Of weights, order, crops and dropout.",
                                rich_help_panel=RECIPE)] = 0,
    architecture: Annotated[Literal["zfnet", "alexnet"], Option(rich_help_panel=NETWORK)] = "zfnet",
    image_size: Annotated[int, Option(help="Side of a crop, in pixels.",
                                      rich_help_panel=NETWORK)] = 224,
    resize: Annotated[int | None, Option(help="Side that images are brought to before cropping "
                                         "(default: 256 / 224 of --image-size).",
                                         rich_help_panel=NETWORK)] = None,
    width: Annotated[float, Option(help="Maps and units, as a share of the paper's.",
                                   rich_help_panel=NETWORK)] = 1.0,
    variant: Annotated[Literal["a", "b"], Option(help="b: 512, 1024, 512 maps in layers 3 to 5.",
                                                 rich_help_panel=NETWORK)] = "a",
    norm: Annotated[Literal["lcn", "lrn", "none"], Option(rich_help_panel=NETWORK)] = "lcn",
    norm_before_pool: Annotated[bool, Option("--norm-before-pool",
                                             rich_help_panel=NETWORK)] = False,
    strides: Annotated[tuple[int, int] | None, Option(help="Of conv1 and conv2.",
                                                      rich_help_panel=NETWORK)] = None,
    paddings: Annotated[tuple[int, int] | None, Option(help="Of conv1 and conv2.",
                                                       rich_help_panel=NETWORK)] = None,
    hidden: Annotated[tuple[int, int] | None, Option(help="Units of fc6 and fc7.",
                                                     rich_help_panel=NETWORK)] = None,
    pool_ceil: Annotated[bool, Option("--pool-ceil", help="cuda-convnet's pooling windows.",
                                      rich_help_panel=NETWORK)] = False,
    pool5_padding: Annotated[int, Option(rich_help_panel=NETWORK)] = 0,
    dropout: Annotated[float, Option(rich_help_panel=NETWORK)] = 0.5,
    without: Annotated[str, Option(help="Layers left out, of 3, 4, 6, 7 (Table 3): 3,4.",
                                   rich_help_panel=NETWORK)] = "",
    init: Annotated[Literal["paper", "he"],
                    Option(help="Standard deviation 1e-2, or He's, for small networks.",
                           rich_help_panel=NETWORK)] = "paper",
    checkpoint_every: Annotated[int, Option(help="Steps between checkpoints within an epoch; "
                                            "0: at its end.")] = 0,
    keep_epochs: Annotated[str, Option(help="Keep the network after these epochs, for `zfnet "
                                       "evolution`: 1,2,5,10.")] = "",
    workers: Annotated[int, Option(help="Threads that decode images ahead.")] = 2,
    device: Device = "cpu",
    threads: Annotated[int | None, Option(help="Threads that compute (default: all).")] = None,
    autotune: Annotated[bool, Option("--autotune", help="Measure which kernels are the fastest "
                                     "here; the run keeps the choice.")] = False,
    strict: Annotated[bool, Option("--strict", help="Refuse unreadable images instead of skipping "
                                   "them.")] = False,
) -> None:  # fmt: skip
    """Train a network; Ctrl-C stops it, --resume goes on, to the same weights bit for bit."""
    minidl.device.check(device)
    if threads is not None:
        minidl.set_num_threads(threads)
    keep = whole_numbers(keep_epochs, "--keep-epochs")
    recipe = Recipe(epochs, batch_size, lr, momentum, weight_decay, schedule, factor, patience,
                    max_rms, crops, seed, checkpoint_every, keep)  # fmt: skip
    if resume:
        trainer = _resumed(out, recipe, data, device, workers, strict)
    else:
        train_set, val_set = _open(data, seed)
        given: dict[str, Any] = {"strides": strides, "paddings": paddings, "hidden": hidden}
        given["norm_before_pool"] = norm_before_pool or None
        settings = replace(
            _defaults(architecture),
            num_classes=len(train_set.classes), image_size=image_size, width=width,
            variant=variant, norm=None if norm == "none" else norm, pool_ceil=pool_ceil,
            pool5_padding=pool5_padding, dropout=dropout, init=init, seed=seed,
            without=whole_numbers(without, "--without"),
            **{name: value for name, value in given.items() if value is not None},
        )  # fmt: skip
        network = _new_network(settings, train_set, data, resize, out, workers, strict)
        network.model.to(device)
        trainer = Trainer(network, train_set, val_set, out, recipe, workers=workers, strict=strict)
    with _tuned(out, autotune, resume):
        finished = run(trainer)
    if not finished:
        raise typer.Exit(130)  # as shells have it for a command that Ctrl-C ended


def _tuned(out: Path, autotune: bool, resume: bool) -> AbstractContextManager[object]:
    """A tuned run keeps its choice of kernels, and goes on with it whatever is asked for then."""
    record = out / KERNELS
    if not resume:
        record.unlink(missing_ok=True)
    return minidl.autotune(record=record) if autotune or record.exists() else nullcontext()


def run(trainer: Trainer) -> bool:
    """Train with a bar or lines, to the end or to Ctrl-C; False if it was stopped."""
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


def _defaults(architecture: Literal["zfnet", "alexnet"]) -> Settings:
    if architecture == "alexnet":
        return Settings("alexnet", strides=(4, 1), paddings=(2, 2), norm_before_pool=True)
    return Settings("zfnet")


def _new_network(
    settings: Settings,
    dataset: Dataset,
    data: str,
    resize: int | None,
    out: Path,
    workers: int,
    strict: bool,
) -> Network:
    """A network with fresh weights and the training set's mean."""
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
        mean = mean_image(dataset, side, task.update, workers=workers, strict=strict)
    return Network(model, Preprocess(settings.image_size, side, mean), tuple(dataset.classes), data)


def _check_room(out: Path, needed: int) -> None:
    """A full disk is better found before an hour of training than after."""
    free = shutil.disk_usage(out).free
    if free < needed:
        raise ValueError(
            f"{out} has {free / 1e6:.0f} MB free; weights and checkpoints of this network need "
            f"{needed / 1e6:.0f} MB"
        )


def _open(data: str, seed: int) -> tuple[Dataset, Dataset]:
    """The training and the validation images; `seed` draws which are which, or the scenes."""
    train_set, val_set = (open_dataset(data, split, seed=seed) for split in ("train", "val"))
    require_classes(train_set)
    return train_set, val_set


def _resumed(
    out: Path, recipe: Recipe, data: str, device: str, workers: int, strict: bool
) -> Trainer:
    """A trainer where the run in `out` stopped; its recipe, but for the number of epochs, stays."""
    network, stored, arrays, state = load_checkpoint(out)
    kept = replace(stored, epochs=recipe.epochs, checkpoint_every=recipe.checkpoint_every,
                   keep_epochs=recipe.keep_epochs or stored.keep_epochs)  # fmt: skip
    if kept != recipe:
        say(f"going on with the recipe that the run began with: {kept}")
    train_set, val_set = _open(data, kept.seed)
    network.model.to(device)
    trainer = Trainer(network, train_set, val_set, out, kept, workers=workers, strict=strict)
    trainer.restore(arrays, state)
    return trainer
