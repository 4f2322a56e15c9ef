"""Trainings in the processes of one mpiexec, asked for line by line.

    mpiexec -n 4 python -m tests.zfnet.processes

Each line is a case in JSON: a recipe, images, a network, and `parts`, pairs of a number of
processes and of the step after which these stop (null: never). The parts of a case train one run,
one after the other, in communicators of so many of the processes. The answer is a line with the
digest of the last checkpoint, or with the error that all of them had.
"""

from __future__ import annotations

import hashlib
import json
import sys
import traceback
from pathlib import Path
from typing import Any

import minidl
from minidl import serialize
from tests.zfnet.tiny import COLOURS, RECIPE, Pictures, network
from zfnet.architectures import NamedSettings
from zfnet.architectures import build as build_named
from zfnet.checkpoint import CHECKPOINT, load_checkpoint
from zfnet.data import Preprocess
from zfnet.network import Network
from zfnet.parallel import world as worlds
from zfnet.parallel.launch import launched
from zfnet.parallel.world import ALONE, Alone, Processes
from zfnet.recipe import Recipe
from zfnet.train import Trainer
from zfnet.training_state import Progress

Case = dict[str, Any]


def digest(out: Path) -> str:
    """Of the arrays of a run's checkpoint: weights, statistics, velocities."""
    arrays, found = serialize.load(out / CHECKPOINT)[0], hashlib.sha256()
    for name in sorted(arrays):
        found.update(f"{name} {arrays[name].shape}".encode() + arrays[name].tobytes())
    return found.hexdigest()[:16]


def train(case: Case, out: Path, stop: int | None, world: Alone | Processes) -> Trainer:
    """One part of a case: from the checkpoint in `out`, if there is one, to step `stop`."""
    sets = Pictures(case["images"], bad=tuple(case["bad"])), Pictures(9, seed=1, bad=(2,))

    def going_on(progress: Progress) -> bool:
        return stop is None or progress.epoch * progress.steps + progress.step < stop

    if world.any((out / CHECKPOINT).is_file()):
        net, recipe, arrays, state = load_checkpoint(out)
        trainer = Trainer(net, *sets, out, recipe, workers=0, world=world, on_step=going_on)
        trainer.restore(arrays, state)
    else:
        recipe = Recipe(**{**RECIPE, **case["recipe"]})
        net = drawn_network(case)
        trainer = Trainer(net, *sets, out, recipe, workers=0, world=world, on_step=going_on)
    trainer.run()
    return trainer


def drawn_network(case: Case) -> Network:
    """A ZFNet, or a network with batch normalisation."""
    own = network(seed=case["seed"], dropout=case["dropout"])
    if not case["normalised"]:
        return own
    settings = NamedSettings("resnet18", 3, image_size=32, width=0.05, blocks=(1,))
    pre = own.preprocess
    return Network(
        build_named(settings), Preprocess(pre.image_size, pre.resize, pre.mean), COLOURS, "memory"
    )


def alone(case: Case, out: Path) -> str:
    """The digest of a case that one process trains without a stop."""
    train(case, out, None, ALONE)
    return digest(out)


def serve() -> None:
    """Answer until the input ends."""
    whole = worlds.here()
    assert isinstance(whole, Processes), launched()
    minidl.set_num_threads(1)
    smaller = {n: whole.comm.Split(int(whole.rank >= n), whole.rank) for n in range(1, whole.size)}
    parts = {n: Processes(comm) for n, comm in smaller.items()} | {whole.size: whole}
    while line := whole.gather(sys.stdin.readline() if whole.rank == 0 else None)[0]:
        case = json.loads(line)
        out, said = Path(case["out"]), ""
        try:
            for processes, stop in case["parts"]:
                if whole.rank < processes:
                    train(case, out, stop, parts[processes])
                whole.gather(None)
        except ValueError as error:
            said = str(error)
        except BaseException:
            traceback.print_exc()
            whole.abort(1)
        if whole.rank == 0:
            print(said or digest(out), flush=True)


if __name__ == "__main__":
    serve()
