"""Choice of the geometries of a stratum that a profile visits, and when its time is over."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from kernels.contract.probe import supports
from kernels.contract.problem import Problem
from kernels.contract.registry import Kernel
from kernels.verify.strata.stratum import Stratum, work

WHOLE = 80
"""A profile of at least so many examples visits the whole stratum, a smaller one some of it."""
PART = 1 / 3
"""Visited geometries for each example of a smaller profile."""
SECONDS = 0.4
"""Seconds for each example of a profile: 32 of the profile `ci`."""
MOST_WORK = {"cpu": 4e9, "emulator": 3e5, "cuda": 1e11}
"""Operations of the largest geometry, by device."""
FIRST_WORK = 1e8
"""Operations of the largest geometry of a profile that visits only some."""


def visits(
    kernel: Kernel, stratum: Stratum, device: str, examples: int, seed: int
) -> Iterator[tuple[int, Any]]:
    """(number, geometry) of the visited geometries, the cheapest first.

    It ends when the next one, by its work, would take longer than what is left of the time.
    """
    device = device if kernel.device == "cuda" else "cpu"
    most = MOST_WORK[device] if examples >= WHOLE else min(FIRST_WORK, MOST_WORK[device])
    served = [
        (number, g)
        for number, g in enumerate(stratum.geometries(kernel.operation))
        if work(kernel.operation, g) <= most and _served(kernel, g)
    ]
    some = _some(served, examples, f"{seed} {kernel.operation} {kernel.name}")
    yield from some[:1]  # may compile, which is not the time of a visit
    clock = _Clock(SECONDS * examples)
    for number, g in some[1:]:
        if clock.too_late(work(kernel.operation, g)):
            return
        yield number, g


def _served(kernel: Kernel, g: Any) -> bool:
    return any(supports(kernel, Problem(g, np.dtype(t))) for t in (np.float32, np.float64))


def _some(served: list[tuple[int, Any]], examples: int, seed: str) -> list[tuple[int, Any]]:
    count = max(1, round(PART * examples))
    if examples >= WHOLE or len(served) <= count:
        return served
    rng = np.random.default_rng(zlib.crc32(seed.encode()))
    return [served[i] for i in sorted(rng.choice(len(served), count, replace=False))]


class _Clock:
    """The time of one walk: when it ends, and how long visits take.

    It is the processor's time in this Python thread, so that other work on the machine does not
    shorten the walk, but at most four times as long by the clock.
    """

    def __init__(self, seconds: float) -> None:
        self.latest = time.monotonic() + 4 * seconds
        self.last = time.thread_time()
        self.end = self.last + seconds
        self.work, self.shortest = 0, float("inf")

    def too_late(self, operations: int) -> bool:
        """True if a visit of so many operations would not end in time.

        It is expected to take the time of the shortest visit, and what the last one took beyond
        that, for each operation.
        """
        now = time.thread_time()
        took, expected = now - self.last, 0.0
        if self.work:
            self.shortest = min(self.shortest, took)
            expected = self.shortest + (took - self.shortest) * operations / self.work
        self.last, self.work = now, operations
        return now + expected > self.end or time.monotonic() > self.latest
