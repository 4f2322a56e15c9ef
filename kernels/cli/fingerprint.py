"""`python -m kernels fingerprint`: digests of every kernel's outputs, to compare bit by bit."""

from __future__ import annotations

import json
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kernels.cli.requirements import require_hypothesis
from kernels.cli.verify import require
from kernels.contract import machine, threads
from kernels.contract.registry import all_kernels
from kernels.storage.atomic import replacing
from kernels.terminal.progress import Task, progress_bars, say

if TYPE_CHECKING:
    from kernels.verify.fingerprint import Subject

EQUAL, DIFFERENT = 0, 1
_DEVICES = {
    "cpu": ("cpu",),
    "emulator": ("emulator",),
    "cuda": ("cuda",),
    "all": ("cpu", "emulator"),
}
_LIBRARIES = "numpy", "numba", "llvmlite", "scipy"
THREADS = 2


@dataclass(frozen=True)
class Fingerprint:
    """Contents of the file: the machine, the seed and the digests."""

    machine: dict[str, Any]
    versions: dict[str, str]
    seed: int
    digests: dict[str, str]

    def write(self, path: Path) -> None:
        with replacing(path) as beside:
            beside.write_text(json.dumps(self.__dict__, indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Fingerprint:
        """The fingerprint in a file; ValueError if it is another file."""
        try:
            return cls(**json.loads(path.read_text()))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path} is no fingerprint: {error}") from error


def fingerprint_command(
    op: Annotated[str | None, typer.Option(help="Only these operations, with commas.")] = None,
    kernel: Annotated[str | None, typer.Option(help="Only kernels of this name.")] = None,
    device: Annotated[
        str, typer.Option(help="cpu, emulator, cuda, or all: cpu and emulator.")
    ] = "cpu",
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same inputs.")] = 0,
    cases: Annotated[int, typer.Option(min=1, help="Cases of each kernel and type.")] = 40,
    count: Annotated[
        int | None, typer.Option("--threads", min=1, help="Threads; 2 unless given.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A JSON file to write the digests to.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="An earlier file: name what differs, exit status 1.")
    ] = None,
) -> None:
    """Hash the results of every kernel on drawn inputs, to compare two states of the code.

    Exit status 0: all digests are equal, 1: some differ or are missing, 2: could not run.
    """
    require_hypothesis()
    if device not in _DEVICES:
        raise ValueError(f"--device must be one of {', '.join(_DEVICES)}, got {device!r}")
    for one in _DEVICES[device]:
        require(one)
    before = None if against is None else Fingerprint.read(against)
    if before is not None and before.seed != seed:
        raise ValueError(f"{against} was made from seed {before.seed}: --seed {before.seed} fits")
    threads.set_num_threads(count or min(THREADS, threads.get_num_threads()))
    subjects = _subjects(device, op, kernel)
    began = time.monotonic()
    made = Fingerprint(_machine(), _versions(), seed, _hashed(subjects, seed, cases, before))
    say(f"{len(made.digests)} digests of {len(subjects)} kernels, {time.monotonic() - began:.0f} s")
    for key, text in made.digests.items():
        if text.startswith("raises"):
            say(f"{key} {text}")
    if out is not None:
        made.write(out)
    if before is not None:
        raise typer.Exit(_compared(before, made, subjects))


def _subjects(device: str, op: str | None, name: str | None) -> list[Subject]:
    from kernels.verify import fingerprint, suite

    found = []
    for one in _DEVICES[device]:
        found += [fingerprint.of_kernel(k, one) for k in suite.served(all_kernels(), one)]
    wanted = None if op is None else op.split(",")
    chosen = [
        s for s in found
        if (wanted is None or s.operation in wanted) and name in (None, s.name)
    ]  # fmt: skip
    if not chosen:
        known = ", ".join(dict.fromkeys(s.operation for s in found))
        raise ValueError(f"there is no such kernel; operations are {known}")
    return chosen


def _hashed(
    subjects: list[Subject], seed: int, cases: int, before: Fingerprint | None
) -> dict[str, str]:
    """The digests of all subjects; the progress bar shows the one that is running.

    If an earlier file has cases of a subject, the same cases are run.
    """
    from kernels.verify import fingerprint

    digests: dict[str, str] = {}
    pairs = [(s, dtype) for s in subjects for dtype in fingerprint.DTYPES]
    with progress_bars() as bars:
        task = Task(bars, "hashing", len(pairs))
        for done, (subject, dtype) in enumerate(pairs):
            task.update(done, note=f"{subject.key} {dtype}")
            chosen = _numbers(before, f"{subject.key}/{dtype}/")
            if not chosen:
                chosen = fingerprint.numbers(subject, dtype, seed, cases)
            if not chosen:
                say(f"{subject.key} {dtype}: serves no case")
            digests |= fingerprint.digests(subject, dtype, seed, chosen)
        task.update(len(pairs))
    return digests


def _numbers(before: Fingerprint | None, prefix: str) -> list[int]:
    """The numbers of the cases whose keys have this prefix."""
    keys = [] if before is None else before.digests
    words = [key.removeprefix(prefix).split()[0] for key in keys if key.startswith(prefix)]
    return sorted(set(map(int, words)))


def _compared(before: Fingerprint, made: Fingerprint, subjects: list[Subject]) -> int:
    """Prints the differences, returns the exit status."""
    for what in ("machine", "versions"):
        was, now = getattr(before, what), getattr(made, what)
        for name in dict.fromkeys([*was, *now]):
            if was.get(name) != now.get(name):
                say(f"{what} differ: {name} was {was.get(name)}, is {now.get(name)}")
    names = tuple(f"{s.key}/" for s in subjects)
    expected = {k: v for k, v in before.digests.items() if k.startswith(names)}
    gone = [k for k in expected if k not in made.digests]
    unlike = [k for k, v in expected.items() if k in made.digests and made.digests[k] != v]
    for title, keys in (("gone", gone), ("differs", unlike)):
        for key in keys:
            say(f"{title}: {key}")
    new = sum(key not in before.digests for key in made.digests)
    equal = len(expected) - len(gone) - len(unlike)
    say(f"{equal} equal, {len(unlike)} differ, {len(gone)} are gone, {new} are new")
    return DIFFERENT if unlike or gone else EQUAL


def _machine() -> dict[str, Any]:
    """Properties of the machine that results may depend on."""
    return {
        "processor": machine.name(),
        "threads": threads.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}}
