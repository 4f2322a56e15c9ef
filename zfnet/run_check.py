"""Check of a run's folder: which of its files are whole, to the last byte."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kernels.storage import checksum
from kernels.storage.atomic import temporaries
from kernels.storage.folders import holder_of
from kernels.storage.sealed import is_sealed, require_sealed_xml, unsealed
from zfnet import network as networks
from zfnet.checkpoint import (
    CHECKPOINT,
    CURVE,
    EPOCHS,
    KERNELS,
    LOG,
    images_file,
    load_checkpoint,
    load_images,
    log_text,
)
from zfnet.experiments.shared.runs import DATA
from zfnet.network import FILE

ATTEMPTS = 5
"""Checks of a run that is being trained, until none of its files was replaced in the middle."""


@dataclass(frozen=True)
class Finding:
    """A file of a run. whole: None where nothing can tell, as for files of earlier versions."""

    name: str
    whole: bool | None
    what: str

    @property
    def verdict(self) -> str:
        """For the table."""
        return {True: "whole", False: "DAMAGED", None: "not checked"}[self.whole]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a whole checkpoint says about the files beside it; history: the lines of the log."""

    epochs: int
    epoch: int
    step: int
    history: list[dict[str, float]]
    images: str
    changes: list[dict[str, Any]]
    keep_epochs: tuple[int, ...]


def check_run(out: Path) -> list[Finding]:
    """A finding for each file of the run in `out`; changes nothing.

    FileNotFoundError unless it is a folder with a run.
    """
    if not (out / CHECKPOINT).is_file() and not (out / FILE).is_file():
        raise FileNotFoundError(f"no run in {out}: neither {CHECKPOINT} nor {FILE} is there")
    found: list[Finding] = []
    for _ in range(ATTEMPTS):
        before = _stamps(out)
        found = list(_findings(out))
        if before == _stamps(out):
            break
    return found


def _stamps(out: Path) -> list[tuple[int, int]]:
    """What changes when a training replaces its files, so that some old ones met some new ones."""
    files = [out / name for name in (CHECKPOINT, FILE, LOG, CURVE) if (out / name).exists()]
    return [(found.st_ino, found.st_mtime_ns) for found in map(os.stat, files)]


def _findings(out: Path) -> Iterator[Finding]:
    found: list[Checkpoint] = []
    if (out / CHECKPOINT).is_file():
        yield _judged(out / CHECKPOINT, lambda file: _checkpoint(out, found))
    kept = found[0] if found else None
    # A run that was killed in its first save has its checkpoint, but not yet the files behind it.
    # A folder without a checkpoint, as of an imported network, has only what is there.
    complete = kept is not None and kept.epoch > 1
    if (out / FILE).exists() or complete or (out / LOG).exists():
        yield _judged(out / FILE, _network)
    if kept and kept.images:
        yield _judged(images_file(out, kept.images), lambda file: _images(out, kept))
    if (out / LOG).exists() or complete or (out / CURVE).exists():
        yield _judged(out / LOG, lambda file: _log(file, kept))
    if (out / CURVE).exists() or complete:
        yield _judged(out / CURVE, _curve)
    for file in sorted((out / EPOCHS).glob("epoch-*.safetensors")):
        yield _judged(file, _network)
    yield from _missing_epochs(out, kept)
    for name in (KERNELS, DATA):
        if (out / name).exists():
            yield _judged(out / name, _object)
    left = [(folder, name) for folder in (out, out / EPOCHS) for name in temporaries(folder)]
    for folder, name in left:
        yield Finding(name, None, f"{_size(folder / name)}, of a write that goes on or was killed")


Verdict = tuple[bool | None, str]


def _judged(file: Path, judge: Callable[[Path], Verdict]) -> Finding:
    name = f"{file.parent.name}/{file.name}" if file.parent.name == EPOCHS else file.name
    try:
        whole, what = judge(file)
    except FileNotFoundError:
        return Finding(name, False, "missing")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Finding(name, False, str(error).removeprefix(f"{file} "))
    return Finding(name, whole, what)


def _checkpoint(out: Path, found: list[Checkpoint]) -> Verdict:
    known = checksum.verify(out / CHECKPOINT)
    _, recipe, _, state = load_checkpoint(out)
    at, origin = state["position"], state.get("origin") or {}
    kept = Checkpoint(
        recipe.epochs, int(at["epoch"]), int(at["step"]), list(at["history"]),
        str(origin.get("images", "")), list(state.get("changes", [])), recipe.keep_epochs,
    )  # fmt: skip
    found.append(kept)
    changed = f", resumed with changes {len(kept.changes)} times" if kept.changes else ""
    return _known(known), f"{kept.epoch} of {kept.epochs} epochs, step {kept.step}{changed}"


def _network(file: Path) -> Verdict:
    if not file.is_file():
        raise FileNotFoundError(file)
    known = checksum.verify(file)
    network = networks.load(file)
    parameters = sum(p.data.size for p in network.model.parameters())
    return _known(known), f"{parameters:,} parameters, {len(network.classes)} classes"


def _known(known: bool) -> bool | None:
    return True if known else None


def _images(out: Path, kept: Checkpoint) -> Verdict:
    images = load_images(out, kept.images)
    return True, f"{len(images.entries)} images"


def _log(file: Path, kept: Checkpoint | None) -> Verdict:
    """The log is held against the checkpoint, byte by byte; without one it is only read."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    if kept is None:
        for number, line in enumerate(lines, start=1):
            if json.loads(line)["epoch"] != number:
                raise ValueError(f"line {number} is of another epoch")
        return None, f"{len(lines)} epochs; only the checkpoint could tell whether they are right"
    expected = log_text(kept.history).splitlines(keepends=True)
    for number, (line, right) in enumerate(zip(lines, expected, strict=False), start=1):
        if line != right:
            raise ValueError(f"line {number} is not what the checkpoint says of this epoch")
    if len(lines) > len(expected) and holder_of(file.parent) is None:
        raise ValueError(f"{len(lines)} epochs, where the checkpoint has {len(expected)}")
    if len(lines) < len(expected) - 1:
        raise ValueError(f"{len(lines)} epochs are left of the checkpoint's {len(expected)}")
    behind = "; the last is in the checkpoint" if len(lines) < len(expected) else ""
    return True, f"{len(lines)} epochs{behind}"


def _curve(file: Path) -> Verdict:
    text = file.read_text(encoding="utf-8")
    if not any(mark in text[-40:] for mark in ("crc32", "<!--")):
        return None, "an earlier version drew it"
    require_sealed_xml(text)
    return True, "the curve of the log"


def _object(file: Path) -> Verdict:
    text = file.read_text(encoding="utf-8")
    entries = unsealed(text)
    return _known(is_sealed(text)), f"{len(entries)} entries"


def _missing_epochs(out: Path, kept: Checkpoint | None) -> Iterator[Finding]:
    for epoch in kept.keep_epochs if kept and not kept.changes else ():
        name = f"epoch-{epoch:03d}.safetensors"
        if kept and epoch <= kept.epoch and not (out / EPOCHS / name).is_file():
            yield Finding(f"{EPOCHS}/{name}", False, "missing")


def _size(file: Path) -> str:
    try:
        return f"{file.stat().st_size / 1e6:.1f} MB"
    except OSError:
        return "gone meanwhile"
