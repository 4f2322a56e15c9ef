"""Mutation test of many planted bugs, each in a process that it may crash.

A process serves one mutant after another, since starting one takes seconds. If it dies, the mutant
is tried once more in a new process, since an earlier mutant may have corrupted the memory.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

import numpy as np
from hypothesis.errors import HypothesisWarning

from kernels.contract import threads
from kernels.verify.mutants.hunt import Catch, Result, hunt
from kernels.verify.mutants.mutant import Mutant
from kernels.verify.property import PROPERTIES

SECONDS = 300.0
"""Time limit for a mutant, which is compiled twice, for float32 and float64."""

SECONDS_TO_END = 10.0
"""Time limit for a process to end after it has closed its pipe."""

VARIABLE = "NUMBA_NUM_THREADS"

Report = Callable[[int, int, Result], None]


def mutation_run(
    mutants: Sequence[Mutant],
    profile: str = "ci",
    seed: int = 0,
    report: Report = lambda done, total, result: None,
    every: bool = False,
    seconds: float = SECONDS,
) -> list[Result]:
    """A result for each mutant, in order; `report(done, total, result)` is called after each.

    every:   try every property on every mutant, also after one has caught it.
    seconds: a mutant that takes longer is stopped, and counts as not caught.
    """
    results: list[Result] = []
    hunter = _Hunter(profile, seed, every)
    try:
        for mutant in mutants:
            results.append(hunter.result(mutant, seconds))
            report(len(results), len(mutants), results[-1])
    finally:
        hunter.stop()
    return results


def sampled(mutants: Sequence[Mutant], count: int, seed: int = 0) -> list[Mutant]:
    """`count` of the mutants, of as many operations as possible, in their order."""
    rng, turns = np.random.default_rng(seed), dict[str, int]()
    ranked: list[tuple[int, int, int]] = []
    for i in rng.permutation(len(mutants)):
        turn = turns[mutants[i].operation] = turns.get(mutants[i].operation, 0) + 1
        ranked.append((turn, len(ranked), int(i)))
    return [mutants[i] for i in sorted(i for _, _, i in sorted(ranked)[: max(count, 0)])]


class _Hunter:
    """A process that hunts mutants, replaced when a mutant has crashed it."""

    def __init__(self, profile: str, seed: int, every: bool) -> None:
        self.how = profile, seed, every
        self.process: SpawnProcess | None = None
        self.served = 0

    def result(self, mutant: Mutant, seconds: float) -> Result:
        began = time.monotonic()
        found = self._asked(mutant, seconds)
        if found is None and self.served > 1:
            self.stop()
            found = self._asked(mutant, seconds)
        found = found or Result(mutant, self._death())
        return replace(found, seconds=time.monotonic() - began)

    def _asked(self, mutant: Mutant, seconds: float) -> Result | None:
        """The result; None if the process died."""
        self._start()
        self.served += 1
        try:
            return self._answer(mutant, time.monotonic() + seconds)
        except TimeoutError:
            self.stop()
            amiss = f"no answer in {seconds:.0f} s from the property {self.trying!r}"
            return Result(mutant, amiss=amiss)
        except (EOFError, ConnectionError):  # it closed its end, or died before the request
            return None

    def _answer(self, mutant: Mutant, ends: float) -> Result:
        self.line.send(mutant)
        while self.line.poll(max(ends - time.monotonic(), 0.0)):
            said = self.line.recv()
            if isinstance(said, Result):
                return said
            self.trying = said
        raise TimeoutError

    def _start(self) -> None:
        if self.process is None:
            spawning = multiprocessing.get_context("spawn")  # OpenMP's threads survive no fork
            self.line, theirs = spawning.Pipe()
            self.folder = tempfile.TemporaryDirectory(prefix="mutants-")
            arguments = (theirs, self.folder.name, *self.how, threads.get_num_threads())
            self.process = spawning.Process(target=_serve, args=arguments, daemon=True)
            with _launching():
                self.process.start()
            theirs.close()
            self.served, self.trying = 0, self._ready()

    def _ready(self) -> str:
        """Waits until the process has imported all modules, outside of a mutant's time limit."""
        try:
            return str(self.line.recv())
        except EOFError:
            raise RuntimeError(
                "the process that hunts mutants did not start; a script that calls mutation_run "
                'has to do so under `if __name__ == "__main__":`'
            ) from None

    def _death(self) -> tuple[Catch, ...]:
        assert self.process is not None
        self.process.join(SECONDS_TO_END)
        code = self.process.exitcode or 0
        how = signal.Signals(-code).name if code < 0 else f"status {code}"
        self.stop()
        return (Catch(self.trying, 0, f"the process died: {how}"),)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.line.close()
            self.folder.cleanup()  # files of a process that was killed
            self.process = None


@contextmanager
def _launching() -> Iterator[None]:
    """Context in which a process that begins launches as many threads as properties set."""
    before = os.environ.get(VARIABLE)
    most = max(law.launched for law in PROPERTIES.values())
    os.environ[VARIABLE] = str(max(most, threads.most()))
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def _serve(line: Connection, folder: str, profile: str, seed: int, every: bool, count: int) -> None:
    """Main function of the process: receives mutants, sends names of properties and results."""
    tempfile.tempdir = folder
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and ends this process
    warnings.simplefilter("ignore", HypothesisWarning)  # hypothesis warns of a long failing example
    threads.set_num_threads(count)
    line.send("")
    while True:
        try:
            mutant = line.recv()
        except EOFError:
            return
        try:
            result = hunt(mutant, profile, seed, every, line.send)
        except Exception as error:
            result = Result(mutant, amiss=f"{type(error).__name__}: {error}")
        line.send(result)
