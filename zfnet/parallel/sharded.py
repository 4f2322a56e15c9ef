"""A step of data-parallel training: the gradients of a batch's shards, added in a fixed tree.

    gradient = (sum over shards of the gradients of their summed losses) / (readable images)

A process computes its shards one after the other, each from the same weights and running
statistics, and adds them within its nodes of the tree (`tree.py`). While the backward pass of its
last shard goes on, the buckets that are complete are on their way to the others (`exchange.py`).

Batch normalisation has the statistics of a shard, and its running statistics become the mean of
those that each shard alone would have left. Dropout has the mask of the whole batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from minidl import Tensor
from minidl import functional as F
from minidl.leaf_gradients import backward_by_leaf
from zfnet.data import Dataset, Loader, Loading
from zfnet.data.shards import CutBatch, Shard, ShardLoader
from zfnet.gradients import Batches, Outcome, Step, WholeBatches, loss_and_correct
from zfnet.network import Network
from zfnet.parallel import tree
from zfnet.parallel.arena import Bucket, Layout
from zfnet.parallel.exchange import Exchange, Times
from zfnet.parallel.slowness import Slowness
from zfnet.parallel.world import Alone, Processes
from zfnet.recipe import Recipe

Finish = Callable[[Bucket], None]


def _nothing(bucket: Bucket) -> None:
    """A bucket of a sum that goes nowhere yet."""


@dataclass(frozen=True)
class Part:
    """What a process found of a step: of each shard its number, readable images, summed loss and
    right answers; images that it could not read; seconds that it computed."""

    shards: tuple[tuple[int, int, float, int], ...]
    bad: Mapping[str, str]
    seconds: float


class ShardedBatches:
    """Steps of batches in shards, in one process or in several.

    TypeError for weights that are not float32.
    """

    def __init__(self, network: Network, loader: ShardLoader, world: Alone | Processes) -> None:
        self.network, self.loader, self.world = network, loader, world
        model = network.model
        parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
        buffers = dict(model.named_buffers())
        self.counters = {n: b for n, b in buffers.items() if b.dtype.kind in "iu"}
        averaged = {n: b for n, b in buffers.items() if n not in self.counters}
        self.layout = Layout(parameters, averaged)
        self.nodes = tree.maximal(loader.shards, loader.own)
        self.tops = [self.layout.new() for _ in self.nodes]
        self.below = [self.layout.new() for _ in range(max(map(tree.depth, self.nodes)))]
        self.exchange = None
        if isinstance(world, Processes):
            self.exchange = Exchange(world, loader.shards, self.tops)
        self.slowness = Slowness(world)
        self._announced: set[str] = set()

    @property
    def times(self) -> Times:
        """Of the sending of gradients."""
        return self.exchange.times if self.exchange else Times()

    def steps(self, epoch: int, start: int) -> Generator[Step, None, None]:
        batches = self.loader.cut(epoch, start)
        try:
            for batch in batches:
                yield _Cut(self, batch)
        finally:
            batches.close()
            self.slowness.report()

    def new_bad(self) -> dict[str, str]:
        """Unreadable images of which the other processes have not heard."""
        bad = {t: why for t, why in dict(self.loader.bad).items() if t not in self._announced}
        self._announced.update(bad)
        return bad

    def met(self, part: Part) -> list[Part]:
        """The parts of all processes by rank, once all sums are there; their unreadable images
        become known here."""
        if isinstance(self.world, Processes) and self.exchange:
            with self.exchange.waiting():
                self.world.meet(self.slowness.late, self.exchange.progress)
                self.exchange.finish()
        parts: list[Part] = self.world.gather(part)
        for other in parts:
            self.loader.bad.update(other.bad)
            self._announced.update(other.bad)
        self.slowness.note([(p.seconds, len(p.shards)) for p in parts])
        return parts


def batches_of(
    network: Network, train: Dataset, recipe: Recipe, how: Loading, world: Alone | Processes
) -> tuple[Loader, Batches]:
    """The loader of a training in these processes, and its steps; ValueError as `Trainer`."""
    require_shards(recipe, world)
    size = recipe.batch_size
    if not recipe.shards:
        loader = Loader(train, network.preprocess, size, how)
        return loader, WholeBatches(network, loader)
    own = tree.own_shards(recipe.shards, world.size, world.rank)
    cut = ShardLoader(train, network.preprocess, size, how, recipe.shards, own)
    return cut, ShardedBatches(network, cut, world)


def require_shards(recipe: Recipe, world: Alone | Processes) -> None:
    """ValueError unless each process has a shard of each batch."""
    if not recipe.shards:
        if world.size > 1:
            raise ValueError(
                f"{world.size} processes train only a run in shards, and this one has whole "
                "batches: begin a new one, or go on in one process"
            )
        return
    if world.size > recipe.shards:
        raise ValueError(
            f"{world.size} processes are more than the {recipe.shards} shards of a batch: start at "
            f"most {recipe.shards}, or begin a run with more --shards"
        )


@dataclass(frozen=True, eq=False)
class _Cut:
    """One step."""

    of: ShardedBatches
    batch: CutBatch

    @property
    def position(self) -> int:
        return self.batch.position

    @property
    def described(self) -> str:
        size = self.of.network.preprocess.image_size
        return f"{self.batch.images} images of {size}x{size}"

    def gradients(self, seed: int, step: int, checked: Callable[[float], None]) -> Outcome | None:
        began, of = time.perf_counter(), self.of
        shards = _Shards(of, self.batch.shards, seed, step)
        for node, top in zip(of.nodes, of.tops, strict=True):
            send = of.exchange.send if of.exchange and node == of.nodes[-1] else _nothing
            shards.add(node, [top, *of.below], send)
        seconds = time.perf_counter() - began
        parts = of.met(Part(tuple(shards.found), of.new_bad(), seconds))
        return self._whole(shards, sorted(s for part in parts for s in part.shards), checked)

    def _whole(
        self, shards: _Shards, found: Sequence[tuple[int, int, float, int]],
        checked: Callable[[float], None],
    ) -> Outcome | None:  # fmt: skip
        """The step of all shards, from their sums."""
        images = sum(count for _, count, _, _ in found)
        if images == 0:
            shards.restore()
            return None
        loss = sum(value for _, _, value, _ in found) / images
        layout, sums = self.of.layout, self.of.tops[0]
        sums[: layout.weights] /= np.float32(images)
        sums[layout.weights :] /= np.float32(sum(count > 0 for _, count, _, _ in found))
        shards.settle(sums)
        checked(loss)
        for name, parameter in layout.parameters.items():
            parameter.grad = Tensor(layout.view(sums, name))
        return Outcome(images, loss, sum(right for _, _, _, right in found))


class _Shards:
    """The shards of a step in this process. found: as `Part` has them."""

    def __init__(self, of: ShardedBatches, shards: Sequence[Shard], seed: int, step: int) -> None:
        self.of, self.seed, self.step = of, seed, step
        self.shards = {shard.number: shard for shard in shards}
        self.found: list[tuple[int, int, float, int]] = []
        self.before = of.network.statistics()

    def add(self, node: tree.Node, arenas: Sequence[np.ndarray], finish: Finish) -> None:
        """Compute a node's sum into the first arena; the others are for nodes below it.

        finish: called with each bucket, in their order, once it is complete.
        """
        lo, hi = node
        if hi - lo == 1:
            self._leaf(self.shards[lo], arenas[0], finish)
            return
        left, right = tree.children(node)
        whole, half = arenas[:2]

        def add(bucket: Bucket) -> None:
            whole[bucket.start : bucket.stop] += half[bucket.start : bucket.stop]
            finish(bucket)

        self.add(left, arenas, _nothing)
        self.add(right, arenas[1:], add)

    def _leaf(self, shard: Shard, arena: np.ndarray, finish: Finish) -> None:
        """The gradient and the statistics of one shard."""
        layout, labels = self.of.layout, shard.batch.labels
        if not len(labels):
            arena[:] = 0
            self.found.append((shard.number, 0, 0.0, 0))
            for bucket in layout.buckets:
                finish(bucket)
            return
        model = self.of.network.model
        self.restore()
        model.set_randomness(self.seed, self.step, shard.first)
        logits = model(model.input_tensor(shard.batch.images))
        loss = F.cross_entropy(logits, labels, reduction="sum")
        self.found.append((shard.number, len(labels), *loss_and_correct(loss, logits, labels)))
        filled = _Filled(layout, arena, finish, self.of.exchange)
        backward_by_leaf(loss, filled.take)
        filled.end()

    def restore(self) -> None:
        """Running statistics as before the step."""
        for name, buffer in self._buffers():
            buffer.assign(self.before[name].copy())

    def settle(self, sums: np.ndarray) -> None:
        """Running statistics after the step: the mean of the shards', and one batch more."""
        for name, buffer in self._buffers():
            if name in self.of.counters:
                buffer.assign(np.asarray(self.before[name] + 1))
            else:
                buffer.assign(self.of.layout.view(sums, name).copy())

    def _buffers(self) -> Iterator[tuple[str, Tensor]]:
        return self.of.network.model.named_buffers()


class _Filled:
    """An arena that is filled with the gradients of one backward pass."""

    def __init__(
        self, layout: Layout, arena: np.ndarray, finish: Finish, exchange: Exchange | None
    ) -> None:
        self.layout, self.arena, self.finish, self.exchange = layout, arena, finish, exchange
        self.missing = {id(parameter): name for name, parameter in layout.parameters.items()}
        self.waiting = [set(bucket.names) for bucket in layout.buckets]
        self.done = 0

    def take(self, leaf: Tensor, gradient: Tensor) -> None:
        name = self.missing.pop(id(leaf), None)
        if name is None:
            return
        self.layout.view(self.arena, name)[...] = gradient.data
        self._has(name)
        if self.exchange:
            self.exchange.progress()

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
