"""Sums of gradients over processes, in the fixed tree, bucket by bucket, while others are computed.

Process j completes the sum of slice j of each bucket. Two non-blocking collectives a bucket:

    alltoall   slice j of every partial sum goes to process j, which adds them in the tree's order
    allgather  the finished slices go to all

so that a process sends and receives about twice the gradient, whatever their number is, as in a
ring (Thakur, Rabenseifner, Gropp 2005, section 4.5), but in an order of additions that is our own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from zfnet.parallel import tree
from zfnet.parallel.arena import Bucket
from zfnet.parallel.world import Processes, waited


@dataclass
class Times:
    """Seconds of sending: in flight, from a bucket's first message to its last; and of these those
    in which the process had nothing left to compute, waited."""

    flying: float = 0.0
    waited: float = 0.0

    @property
    def hidden(self) -> float:
        """The share of the time in flight that lay behind computation."""
        return 1 - self.waited / self.flying if self.flying else 0.0


@dataclass(eq=False)
class _Sent:
    """A bucket on its way. gathered: None while its partial sums are on their way."""

    bucket: Bucket
    received: np.ndarray
    keep: list[np.ndarray] = field(default_factory=list)
    scattered: Any = None
    gathered: Any = None


class Exchange:
    """The sums of one step after another.

    shards: of a batch. tops: this process's partial sums, arenas, one for each node of the tree
    that is `maximal` in its range; the sums replace the first of them.
    """

    def __init__(self, world: Processes, shards: int, tops: Sequence[np.ndarray]) -> None:
        self.world, self.shards, self.tops = world, shards, tops
        self.times = Times()
        ranges = [tree.own_shards(shards, world.size, rank) for rank in range(world.size)]
        self._nodes = [tree.maximal(shards, own) for own in ranges]
        self._flying: list[_Sent] = []
        self._seen = 0.0

    def send(self, bucket: Bucket) -> None:
        """Begin the sum of a bucket whose partial sums are complete; all processes in one order."""
        world, bounds = self.world, self._bounds(bucket)
        lengths = np.diff(bounds)
        own = int(lengths[world.rank])
        counts = [len(nodes) * own for nodes in self._nodes]
        sent = _Sent(bucket, np.empty(sum(counts), np.float32))
        packed = self._packed(bounds)
        sent.keep.append(packed)
        sent.scattered = world.scattering.Ialltoallv(
            [packed, (len(self.tops) * lengths).tolist()], [sent.received, counts]
        )
        if not self._flying:
            self._seen = time.perf_counter()
        self._flying.append(sent)
        self.progress()

    def progress(self) -> bool:
        """Let MPI go on; True once nothing is in flight."""
        for sent in self._flying:
            if sent.gathered is None:
                if not sent.scattered.Test():
                    break  # allgathers begin in the buckets' order
                self._gather(sent)
        while self._flying and self._flying[0].gathered and self._flying[0].gathered.Test():
            del self._flying[0]
            now = time.perf_counter()
            self.times.flying += now - self._seen
            self._seen = now
        return not self._flying

    def finish(self) -> None:
        """Wait until all sums are there."""
        waited(self.progress)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Within it nothing is left to compute: its seconds count as waited, if sums are on their
        way."""
        began, there = time.perf_counter(), self.progress()
        yield
        if not there:
            self.times.waited += time.perf_counter() - began

    def _bounds(self, bucket: Bucket) -> np.ndarray:
        """Where the slices of a bucket begin and end, (size + 1,)."""
        size, length = self.world.size, bucket.stop - bucket.start
        return bucket.start + length * np.arange(size + 1) // size

    def _packed(self, bounds: np.ndarray) -> np.ndarray:
        """The partial sums, slice by slice, for one process after the other."""
        if len(self.tops) == 1:
            return self.tops[0][bounds[0] : bounds[-1]]
        pairs = list(pairwise(bounds))
        return np.concatenate([top[lo:hi] for lo, hi in pairs for top in self.tops])

    def _gather(self, sent: _Sent) -> None:
        """Complete this process's slice, and send it to all."""
        bounds = self._bounds(sent.bucket)
        lengths = np.diff(bounds)
        own = int(lengths[self.world.rank])
        nodes = [node for of_rank in self._nodes for node in of_rank]
        # (nodes * own,) -> (nodes,own)
        known = dict(zip(nodes, sent.received.reshape(len(nodes), own), strict=True))
        whole = np.ascontiguousarray(tree.total((0, self.shards), known, np.add))
        sent.keep.append(whole)
        target = self.tops[0][bounds[0] : bounds[-1]]
        sent.gathered = self.world.gathering.Iallgatherv(whole, [target, lengths.tolist()])
