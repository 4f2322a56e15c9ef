"""Gradients of the shards of a step that one process has, added within its nodes of the tree.

Each shard is computed from the same weights and running statistics. A bucket of the sums is handed
on as soon as it is complete: while the last shard's backward pass goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from minidl import Tensor
from minidl import functional as F
from minidl.leaf_gradients import backward_by_leaf
from zfnet.data.shards import Shard
from zfnet.gradients import loss_and_correct
from zfnet.network import Network
from zfnet.parallel import tree
from zfnet.parallel.arena import Bucket, Layout

Finish = Callable[[Bucket], None]
FoundShard = tuple[int, int, float, int]
"""A shard's number, readable images, summed loss and right answers."""


def nothing(bucket: Bucket) -> None:
    """A bucket of a sum that goes nowhere yet."""


class ShardGradients:
    """The shards of a step in this process, and what was found of each.

    progress: called after each gradient, so that sums that are on their way go on.
    """

    def __init__(
        self, network: Network, layout: Layout, shards: Sequence[Shard], seed: int, step: int,
        progress: Callable[[], object],
    ) -> None:  # fmt: skip
        self.network, self.layout, self.progress = network, layout, progress
        self.seed, self.step = seed, step
        self.shards = {shard.number: shard for shard in shards}
        self.found: list[FoundShard] = []
        self.before = network.statistics()

    def add(self, node: tree.Node, arenas: Sequence[np.ndarray], finish: Finish) -> None:
        """Compute a node's sum into the first arena; the others are for nodes below it.

        finish: called with each bucket, in their order, once it is complete.
        """
        lo, hi = node
        if hi - lo == 1:
            self.leaf(self.shards[lo], arenas[0], finish)
            return
        left, right = tree.children(node)
        whole, half = arenas[:2]

        def add(bucket: Bucket) -> None:
            whole[bucket.start : bucket.stop] += half[bucket.start : bucket.stop]
            finish(bucket)

        self.add(left, arenas, nothing)
        self.add(right, arenas[1:], add)

    def leaf(self, shard: Shard, arena: np.ndarray, finish: Finish) -> None:
        """The gradient and the statistics of one shard."""
        if not len(shard.batch.labels):
            self.empty(shard, arena)
            for bucket in self.layout.buckets:
                finish(bucket)
            return
        self.restore()
        self.begin(shard)
        self.compute(shard, arena, finish)

    def empty(self, shard: Shard, arena: np.ndarray) -> None:
        """A shard without a readable image adds nothing."""
        arena[:] = 0
        self.found.append((shard.number, 0, 0.0, 0))

    def begin(self, shard: Shard) -> None:
        """Let dropout draw the shard's rows of the batch's mask."""
        self.network.model.set_randomness(self.seed, self.step, shard.first)

    def compute(self, shard: Shard, arena: np.ndarray, finish: Finish) -> None:
        """The gradient of a shard's summed loss, bucket by bucket."""
        model, labels = self.network.model, shard.batch.labels
        logits = model(model.input_tensor(shard.batch.images))
        loss = F.cross_entropy(logits, labels, reduction="sum")
        self.found.append((shard.number, len(labels), *loss_and_correct(loss, logits, labels)))
        filled = _Filled(self.layout, arena, finish, self.progress)
        backward_by_leaf(loss, filled.take)
        filled.end()

    def restore(self) -> None:
        """Running statistics as before the step."""
        for name, buffer in self._buffers():
            buffer.assign(self.before[name].copy())

    def settle(self, sums: np.ndarray) -> None:
        """Running statistics after the step: the mean of the shards', and one batch more."""
        for name, buffer in self._buffers():
            if name in self.layout.buffers:
                buffer.assign(self.layout.view(sums, name).copy())
            else:
                buffer.assign(np.asarray(self.before[name] + 1))

    def _buffers(self) -> Iterator[tuple[str, Tensor]]:
        return self.network.model.named_buffers()


class _Filled:
    """An arena that is filled with the gradients of one backward pass."""

    def __init__(
        self,
        layout: Layout,
        arena: np.ndarray,
        finish: Finish,
        progress: Callable[[], object],
    ) -> None:
        self.layout, self.arena, self.finish, self.progress = layout, arena, finish, progress
        self.missing = {id(parameter): name for name, parameter in layout.parameters.items()}
        self.waiting = [set(bucket.names) for bucket in layout.buckets]
        self.done = 0

    def take(self, leaf: Tensor, gradient: Tensor) -> None:
        name = self.missing.pop(id(leaf), None)
        if name is None:
            return
        self.layout.view(self.arena, name)[...] = gradient.data
        self._has(name)
        self.progress()

    def end(self) -> None:
        """Zeros for parameters without a gradient, and the statistics that the pass left."""
        for name in list(self.missing.values()):
            self.layout.view(self.arena, name)[...] = 0
            self._has(name)
        for name, buffer in self.layout.buffers.items():
            self.layout.view(self.arena, name)[...] = buffer.data
            self._has(name)

    def _has(self, name: str) -> None:
        for names in self.waiting[self.done :]:
            names.discard(name)
        while self.done < len(self.waiting) and not self.waiting[self.done]:
            self.done += 1
            self.finish(self.layout.buckets[self.done - 1])
