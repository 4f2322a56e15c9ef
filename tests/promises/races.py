"""Two trainings begun in one folder: one trains, the other says that the folder is in use.

The second starts at a drawn moment of the first; what remains is the run of the first alone.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.promises.faults import begun
from tests.promises.kills import duration
from tests.promises.part import Part, Trial
from tests.promises.training import Bench, broken_by_ending, differences
from tests.promises.warm import Warm

COUNT = 60
TRAINED = "validation loss"
"""What a training says after each epoch."""


@contextmanager
def opened(folder: Path) -> Iterator[Trial]:
    """A case's number is the seed of its moment; odd ones resume, every third begins at once."""
    with Warm() as warm:
        bench = Bench.prepared(warm, folder)
        seconds = duration(bench)
        yield Trial([str(n) for n in range(COUNT)], lambda case: judged(bench, case, seconds))


def judged(bench: Bench, case: str, seconds: float) -> list[str]:
    """What two processes in one folder broke."""
    number = int(case)
    out = begun(bench, "resumed" if number % 2 else "new")
    # In the first half: a second one that comes later may find the run finished.
    delay = random.Random(number).uniform(0, seconds / 2) if number % 3 else 0.0
    ended = bench.race(out, (0.0, delay))
    # On a busy machine the second may find the run finished, and has nothing left to do.
    trained = [each for each in ended if TRAINED in each.said]
    found = [] if len(trained) == 1 else [f"{len(trained)} of two trained"]
    found += [f"the one that trained ends with {e.status}" for e in trained if e.status]
    for each in ended:
        if each.status:
            found += broken_by_ending(each, out, bench.whole)
    found += differences(out, bench.whole)
    shutil.rmtree(out, ignore_errors=True)
    return found


RACES = Part("races", "two trainings are begun in one folder", opened)
