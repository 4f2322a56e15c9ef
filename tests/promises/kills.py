"""`kill -9` at drawn moments of a training, up to three times in one run."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.promises.faults import finished
from tests.promises.part import Part, Trial
from tests.promises.training import Bench, broken_by_files
from tests.promises.warm import Warm

COUNT = 300


@contextmanager
def opened(folder: Path) -> Iterator[Trial]:
    """The number of a case is the seed of its moments."""
    with Warm() as warm:
        bench = Bench.prepared(warm, folder)
        seconds = duration(bench)
        yield Trial([str(n) for n in range(COUNT)], lambda case: judged(bench, case, seconds))


def duration(bench: Bench) -> float:
    """Seconds of a training that nothing disturbs."""
    began = time.monotonic()
    bench.train(bench.fresh())
    return time.monotonic() - began


def judged(bench: Bench, case: str, seconds: float) -> list[str]:
    """What the kills broke."""
    draw, out = random.Random(int(case)), bench.fresh()
    found = []
    for _ in range(draw.randint(1, 3)):
        bench.train(out, kill_after=draw.uniform(0, seconds))
        found += broken_by_files(out) if out.exists() else []
    found += [f"afterwards {each}" for each in finished(bench, out)]
    shutil.rmtree(out, ignore_errors=True)
    return found


KILLS = Part("kills", "a training is killed at drawn moments", opened)
