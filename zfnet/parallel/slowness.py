"""Slow processes, by name: all wait for the slowest one at every step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kernels.terminal.progress import say
from zfnet.parallel.world import Alone, Processes

FACTOR = 1.5
"""Times the median of the processes' seconds a shard, from which on one is called slow."""
LEAST = 10
"""Steps without which nothing is said."""


class Slowness:
    """The seconds a shard of each process, since the last report."""

    def __init__(self, world: Alone | Processes) -> None:
        self.world = world
        self._seconds = np.zeros(world.size)
        self._shards = np.zeros(world.size)
        self._steps = 0

    def note(self, parts: Sequence[tuple[float, int]]) -> None:
        """A step: seconds and shards of each process."""
        self._seconds += [seconds for seconds, _ in parts]
        self._shards += [shards for _, shards in parts]
        self._steps += 1

    def late(self, ranks: list[int], seconds: float) -> None:
        """Some have not come to the end of a step for so long."""
        names = ", ".join(self.world.name(rank) for rank in ranks)
        say(f"waiting for {names} since {seconds:.0f} s")

    def report(self) -> None:
        """Name the slow ones of the steps since the last report."""
        if self.world.size > 1 and self._steps >= LEAST:
            each = self._seconds / np.maximum(self._shards, 1)
            usual = float(np.quantile(each, 0.5, method="lower"))
            for rank in np.flatnonzero(each > FACTOR * usual):
                say(
                    f"{self.world.name(int(rank))} is slow: {1e3 * each[rank]:.0f} ms a shard, "
                    f"where the median is {1e3 * usual:.0f} ms; the others wait for it"
                )
        self._seconds[:], self._shards[:], self._steps = 0, 0, 0
