"""`zfnet tour`: a page on the pretrained network, and on one that is trained meanwhile."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

import minidl
from kernels.terminal.progress import say
from zfnet.checkpoint import CHECKPOINT
from zfnet.cli.folder import holding_out
from zfnet.cli.reporting import reporter
from zfnet.cli.train import run
from zfnet.data import open_dataset
from zfnet.experiments.shared import small_network
from zfnet.experiments.shared.photographs import Photograph, read_photographs, sample_photographs
from zfnet.experiments.shared.runs import Plan, resumed
from zfnet.experiments.tour import page as tour
from zfnet.train import Trainer


@holding_out
def tour_command(
    out: Annotated[Path, typer.Option(help="Folder for the page and the network.")] = Path("tour"),
    image: Annotated[
        list[Path] | None,
        typer.Option(help="A picture of your own to look at; may be given several times."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the scenes, the weights and all draws.")] = 0,
) -> None:
    """Look into the pretrained network, then train another one on drawn scenes.

    The page is written after seconds, and again with more sections when the training ends, after
    minutes. A tour that was stopped resumes; one that is finished only writes the page again.
    """
    photographs = read_photographs(image or []) or sample_photographs()
    with minidl.exact():  # exact kernels only, which also halves the compilation of a first run
        _take(out, photographs, seed)


def _take(out: Path, photographs: Sequence[Photograph], seed: int) -> None:
    page = tour.first_page(photographs, reporter())
    where = page.write(out / "index.html").resolve()
    say(f"\nA first page is {where}\nOpen it in a browser: {where.as_uri()}")
    say("Now a network is trained on drawn scenes, of which everything is known; the page grows.\n")
    trainer = _trainer(out / "model", seed)
    if trainer.at.epoch < trainer.recipe.epochs:
        status = run(trainer, again=shlex.join(["zfnet", *sys.argv[1:]]))
        if status:
            raise typer.Exit(status)
    seconds = sum(line["seconds"] for line in trainer.history)
    findings = tour.Findings(trainer.history, seconds, photographs, seed)
    tour.add_training(page, trainer.network, trainer.val, trainer.out, findings, reporter())
    where = page.write(out / "index.html").resolve()
    say(f"\nThe page is {where}\nOpen it in a browser: {where.as_uri()}")
    say(
        "Try next:\n"
        f"  zfnet tour --out {out} --image YOUR.jpg\n"
        f"  zfnet project --model {out / 'model'} --layer conv3 --map 5 YOUR.jpg\n"
        f"  zfnet features --model {out / 'model'} --data scenes --out features"
    )


def _trainer(folder: Path, seed: int) -> Trainer:
    """A new run in `folder`, or the run that is there if it is this tour's."""
    train, val = (open_dataset("scenes", split, seed=seed) for split in ("train", "val"))
    plan = Plan(
        "tour", small_network.settings(len(train.classes), seed), small_network.recipe(seed)
    )
    if (folder / CHECKPOINT).is_file():
        return resumed(plan, train, val, folder)
    return Trainer(small_network.untrained(train, seed), train, val, folder, plan.recipe)
