"""Synchronised batch normalisation: the shards of a step in lockstep, with the batch's statistics.

At each such layer every shard waits until all others, in all processes, have come there too, in the
forward pass and in the backward pass. Their sums are added in the tree of the gradients. So a
process has the activations of all its shards in memory at once, and a gradient of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from minidl import nn
from minidl.functional.batch_norm_of_parts import part_of_batch
from zfnet.network import Network
from zfnet.parallel import lockstep, tree
from zfnet.parallel.arena import Bucket, Layout
from zfnet.parallel.lockstep import InTurn
from zfnet.parallel.shard_gradients import Finish, ShardGradients
from zfnet.parallel.world import Alone, Processes


def require_normalised(network: Network) -> None:
    """ValueError for a network without a batch normalisation."""
    if not any(isinstance(module, nn.BatchNorm2d) for _, module in network.model.modules()):
        raise ValueError(
            "--sync-batch-norm is for networks with batch normalisation, and this one has none: "
            "leave it out"
        )


@dataclass(frozen=True, eq=False)
class _Part:
    """A shard among those of its batch."""

    turn: InTurn
    leads: bool
    resume: Callable[[], None]

    def total(self, own: np.ndarray) -> np.ndarray:
        found = self.turn.ask(own)
        self.resume()  # another shard had the layers meanwhile
        return found


class Synchronised:
    """The shards of this process, step after step.

    shards: of a batch, in all processes. nodes, tops: this process's nodes of the tree, and the
    arenas of their sums.
    """

    def __init__(
        self, layout: Layout, shards: int, nodes: Sequence[tree.Node], tops: Sequence[np.ndarray],
        world: Alone | Processes,
    ) -> None:  # fmt: skip
        self.shards, self.nodes, self.tops, self.world = shards, nodes, tops, world
        own = range(nodes[0][0], nodes[-1][1])
        self.leaves = {number: layout.new() for number in own}

    def add(self, gradients: ShardGradients, send: Finish) -> None:
        """Compute the sums of a step; send: called with each bucket once it is complete."""
        sums = _Sums(self, send)
        full = []
        for number, shard in gradients.shards.items():
            if len(shard.batch.labels):
                full.append(number)
                continue
            gradients.empty(shard, self.leaves[number])
            for bucket in gradients.layout.buckets:
                sums.finish(bucket)

        def computation(number: int) -> Callable[[InTurn], None]:
            shard = gradients.shards[number]

            def compute(turn: InTurn) -> None:
                part = _Part(turn, number == full[0], lambda: gradients.begin(shard))
                gradients.begin(shard)
                with part_of_batch(part):
                    gradients.compute(shard, self.leaves[number], sums.finish)

            return compute

        lockstep.run({number: computation(number) for number in full}, self._total)

    def _total(self, asked: Mapping[int, np.ndarray]) -> np.ndarray | None:
        """The sum of the requests of all shards in all processes; None if there is none."""
        known = {n: own for part in self.world.gather(dict(asked)) for n, own in part.items()}
        if not known:
            return None
        zero = np.zeros_like(next(iter(known.values())))
        each = {(n, n + 1): known.get(n, zero) for n in range(self.shards)}
        return tree.total((0, self.shards), each, np.add)


class _Sums:
    """Buckets that the shards of a step complete one after the other."""

    def __init__(self, of: Synchronised, send: Finish) -> None:
        self.of, self.send = of, send
        self._complete: Counter[Bucket] = Counter()

    def finish(self, bucket: Bucket) -> None:
        """A shard has computed a bucket; the last one of them adds all."""
        self._complete[bucket] += 1
        if self._complete[bucket] < len(self.of.leaves):
            return
        part = slice(bucket.start, bucket.stop)
        known = {(n, n + 1): leaf[part] for n, leaf in self.of.leaves.items()}
        for node, top in zip(self.of.nodes, self.of.tops, strict=True):
            top[part] = tree.total(node, known, np.add)
        self.send(bucket)
