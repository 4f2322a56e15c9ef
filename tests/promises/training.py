"""Training of seconds that is interrupted, and the run that it must come to.

Four steps with a checkpoint after each, three classes of drawn pictures, a network of 4,255
parameters, one thread. A run is judged by everything but its clocks.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kernels.bounds import same_bits
from minidl import serialize
from tests.promises.warm import HUNG, Ended, Fault, Warm
from tests.zfnet.tiny_folders import class_folders
from zfnet import network as networks
from zfnet.checkpoint import CHECKPOINT, load_checkpoint

CLASSES = "red", "green", "blue"
CLOCKS = "seconds", "images_per_second", "processor_seconds", "processor"
NETWORK = "--image-size 32 --width 0.03 --strides 2 1 --pool5-padding 1 --hidden 8 6 --init he"
RECIPE = "--epochs 2 --batch-size 8 --crops random --seed 7 --checkpoint-every 1 --keep-epochs 1"
OPTIONS = f"{NETWORK} {RECIPE}".split()


@dataclass
class Bench:
    """Where trainings are tried: a warm process, the pictures, the uninterrupted run."""

    warm: Warm
    folder: Path
    whole: Path
    number: int = field(default=0)

    @classmethod
    def prepared(cls, warm: Warm, folder: Path) -> Bench:
        """With the uninterrupted run, by the process itself: its children have what it loads."""
        class_folders(folder / "data", CLASSES, 6)
        bench = cls(warm, folder, folder / "whole")
        ended = bench.train(bench.whole, here=True)
        if ended.status:
            raise RuntimeError(f"the uninterrupted run failed: {ended.said}")
        return bench

    def train(self, out: Path, fault: Fault | None = None, **how: Any) -> Ended:
        """Train in `out`, resuming where there is something to resume."""
        return self.warm.run(self.command(out), self.folder / "said.txt", fault, **how)

    def race(self, out: Path, delays: Sequence[float]) -> list[Ended]:
        """As many trainings at once in `out`, each begun after its delay in seconds."""
        said = [self.folder / f"said-{i}.txt" for i in range(len(delays))]
        return self.warm.race(self.command(out), said, delays)

    def command(self, out: Path) -> list[str]:
        """The arguments of `zfnet`; they resume where there is something to resume."""
        resume = ["--resume"] if (out / CHECKPOINT).exists() else []
        data = str(self.folder / "data")
        return ["train", "--data", data, "--out", str(out), *OPTIONS, *resume]

    def fresh(self) -> Path:
        """A new name for a run, without a folder."""
        self.number += 1
        out = self.folder / f"run-{self.number}"
        shutil.rmtree(out, ignore_errors=True)
        return out


def broken_by_ending(ended: Ended, out: Path, whole: Path) -> list[str]:
    """A command ends with a whole run, or with a status and one sentence."""
    if ended.status == HUNG:
        return ["it hangs"]
    if ended.status < 0:
        return [f"it ends by signal {-ended.status}"]
    if ended.status == 0:
        return [f"status 0, but {each}" for each in differences(out, whole)]
    found = []
    if "Traceback" in ended.said or "Error:" in ended.said:
        found.append(f"it ends with a traceback: {ended.said[-400:]!r}")
    lines = ended.said.strip().splitlines()
    if not lines or not lines[-1].startswith("zfnet: "):
        found.append(f"status {ended.status} without a sentence: {ended.said[-400:]!r}")
    return found


def broken_by_files(out: Path) -> list[str]:
    """Whatever files there are are whole, but for temporaries."""
    found = []
    if (out / CHECKPOINT).exists():
        found += _unreadable(load_checkpoint, out)
    for file in (out / networks.FILE, *out.glob("epochs/epoch-*")):
        if file.exists():
            found += _unreadable(networks.load, file)
    if (out / "log.jsonl").exists():
        found += _unreadable(log, out)
    return found


def _unreadable(read: Any, path: Path) -> list[str]:
    try:
        read(path)
    except Exception as error:  # any is a finding
        return [f"{path.name} cannot be read: {error!r}"]
    return []


def differences(out: Path, whole: Path) -> list[str]:
    """What is different between two runs, clocks apart."""
    ours, theirs = files(out), files(whole)
    if ours != theirs:
        return [f"there are {sorted(ours - theirs)} more, and {sorted(theirs - ours)} are missing"]
    found = [] if log(out) == log(whole) else ["the log says otherwise"]
    for name in sorted(each for each in ours if each.endswith(".safetensors")):
        first, second = (serialize.load(folder / name)[0] for folder in (out, whole))
        other = [key for key in second if not _same(first.get(key), second[key])]
        if other or first.keys() != second.keys():
            found.append(f"{name} has other bits in {', '.join(other) or 'its list of arrays'}")
    return found


def _same(a: np.ndarray | None, b: np.ndarray) -> bool:
    return a is not None and same_bits(a, b)


def files(out: Path) -> set[str]:
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def log(out: Path) -> list[dict[str, float]]:
    """The log's lines without clocks."""
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in CLOCKS} for line in lines]
