"""`zfnet evaluate`: top-1 and top-5 errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from kernels.terminal.progress import Task, progress_bars, say, say_skipped
from zfnet.cli.options import Device, FollowLinks, Split, open_network
from zfnet.data import Dataset, open_dataset, require_classes
from zfnet.data.listing import Part
from zfnet.evaluate import evaluate
from zfnet.resuming import split_of_run


def evaluate_command(
    data: Annotated[str, typer.Option(help="`scenes`, or a folder as for `zfnet train`.")],
    model: Annotated[
        list[Path] | None,
        typer.Option(
            help="A run's folder or a network's file; several are averaged (default: the "
            "pretrained one)."
        ),
    ] = None,
    split: Split = "val",
    ten_crops: Annotated[
        bool, typer.Option("--ten-crops", help="Average over the paper's ten crops.")
    ] = False,
    batch_size: Annotated[int, typer.Option(help="Crops at a time.")] = 128,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Of the scenes, or of the split of a folder (default: the split of the run "
            "--model, if it was trained on this folder, else 0)."
        ),
    ] = None,
    device: Device = "cpu",
    workers: Annotated[int, typer.Option(help="Threads that decode images in advance.")] = 2,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse unreadable images instead of skipping them.")
    ] = False,
    follow_links: FollowLinks = False,
) -> None:
    """Print the top-1 and top-5 error of a network, or of several averaged (Table 2)."""
    named: Sequence[Path | None] = model or [None]
    networks = [open_network(path, device)[0] for path in named]
    dataset = _images(data, split, seed, named, follow_links)
    require_classes(dataset)
    with progress_bars() as bars:
        task = Task(bars, "evaluating", len(networks) * len(dataset))
        bad: dict[str, str] = {}
        found = evaluate(
            networks, dataset, ten_crops=ten_crops, batch_size=batch_size, workers=workers,
            strict=strict, bad=bad, progress=task.update,
        )  # fmt: skip
    say_skipped(bad)
    crops = "ten crops" if ten_crops else "the centre crop"
    say(f"{found.images} of {len(dataset)} images, {len(networks)} network(s), {crops}: {found}")


def _images(
    data: str, split: str, seed: int | None, named: Sequence[Path | None], follow_links: bool
) -> Dataset:
    """The images of a part; without a seed in the split that the first run on them had."""
    if seed is None and split in ("train", "val"):
        part: Part = "train" if split == "train" else "val"
        for run in named:
            found = split_of_run(run, data, part) if run else None
            if found is not None:
                say(f"{len(found)} images of {split}, as the run {run} had split them")
                return found
    return open_dataset(data, split, seed=seed or 0, follow_links=follow_links)
