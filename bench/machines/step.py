"""Model of a data-parallel step's time: computation, overlapping communication, and the rest.

A process computes its shards one after the other. In the backward pass of its last shard bucket b
is complete after r_b seconds, and takes its turn on the link:

    begins = max(r_b, end of bucket b - 1)
    ends   = begins + 2 (P - 1) latency + (k + 1) bytes (P - 1) / P / bandwidth

of P processes that each have k partial sums of it: `MPI_Ialltoallv` of the partial sums and
`MPI_Iallgatherv` of the finished slices, as pairs of processes (`zfnet/parallel/exchange.py`). What
is sent before the last layer is done costs no time. The step ends with the update of the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zfnet.parallel import tree


@dataclass(frozen=True)
class Bucket:
    """Bytes that are sent together, complete so many seconds into the backward pass of a shard."""

    bytes: float
    ready: float


@dataclass(frozen=True)
class Compute:
    """Of one process: seconds of a shard's forward and backward pass and of the update; images of
    a shard; the buckets in their order."""

    images: float
    forward: float
    backward: float
    update: float
    buckets: tuple[Bucket, ...]

    @property
    def bytes(self) -> float:
        """Of all gradients."""
        return sum(bucket.bytes for bucket in self.buckets)

    def faster(self, times: float) -> Compute:
        """The same on a node that computes so many times as fast."""
        buckets = tuple(Bucket(b.bytes, b.ready / times) for b in self.buckets)
        return Compute(
            self.images, self.forward / times, self.backward / times, self.update / times, buckets
        )


@dataclass(frozen=True)
class Link:
    """Seconds until a message arrives, and bytes a second that a process sends and receives."""

    latency: float
    bandwidth: float


@dataclass(frozen=True)
class Step:
    """Seconds of a step and their parts: computation, waiting for sums; sums on their way."""

    computing: float
    waiting: float
    sending: float

    @property
    def seconds(self) -> float:
        return self.computing + self.waiting

    @property
    def hidden(self) -> float:
        """The share of the sums' way that lies behind computation."""
        return 1 - self.waiting / self.sending if self.sending else 0.0


def step(compute: Compute, link: Link, processes: int, shards: int) -> Step:
    """A step of `shards` shards in so many processes, each on a processor of its own.

    ValueError for more processes than shards.
    """
    if not 1 <= processes <= shards:
        raise ValueError(f"{processes} processes of {shards} shards: each needs one at least")
    ranges = [tree.own_shards(shards, processes, rank) for rank in range(processes)]
    own = max(map(len, ranges))
    before = (own - 1) * (compute.forward + compute.backward) + compute.forward
    computed = before + compute.backward
    free = sending = 0.0
    if processes > 1:
        partial = max(len(tree.maximal(shards, each)) for each in ranges)
        for bucket in compute.buckets:
            seconds = exchange(bucket.bytes, link, processes, partial)
            free = max(before + bucket.ready, free) + seconds
            sending += seconds
    waiting = max(free - computed, 0.0)
    return Step(computed + compute.update, waiting, sending)


def exchange(bytes_: float, link: Link, processes: int, partial: int = 1) -> float:
    """Seconds of a bucket's sum: every process has `partial` partial sums of it."""
    others = processes - 1
    moved = (partial + 1) * bytes_ * others / processes
    return 2 * others * link.latency + moved / link.bandwidth


def efficiency(compute: Compute, link: Link, processes: int, shards: int) -> float:
    """The share of the speed of so many processes that needed no sums."""
    found = step(compute, link, processes, shards)
    alone = step(compute, link, 1, shards).seconds - compute.update
    return alone / processes / (found.seconds - compute.update)


def pays_up_to(
    compute: Compute, link: Link, counts: Sequence[int], shards: int, least: float = 0.5
) -> int:
    """The largest of these numbers of processes that still uses half of each, or `least` of it."""
    fitting = [n for n in counts if n <= shards]
    return max((n for n in fitting if efficiency(compute, link, n, shards) >= least), default=1)
