"""A step of data-parallel training: the gradients of a batch's shards, added in a fixed tree.

    gradient = (sum over shards of the gradients of their summed losses) / (readable images)

A process computes its shards one after the other, each from the same weights and running
statistics, and adds them within its nodes of the tree (`tree.py`). While the backward pass of its
last shard goes on, the buckets that are complete are on their way to the others (`exchange.py`).

Batch normalisation has the statistics of a shard, and its running statistics become the mean of
those that each shard alone would have left; or it has those of the batch (`synchronised.py`).
Dropout has the mask of the whole batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from minidl import Tensor
from zfnet.data import Dataset, Loader, Loading
from zfnet.data.shards import CutBatch, ShardLoader
from zfnet.gradients import Batches, Outcome, Step, WholeBatches
from zfnet.network import Network
from zfnet.parallel import tree
from zfnet.parallel.arena import Bucket, Layout
from zfnet.parallel.exchange import Exchange, Times
from zfnet.parallel.shard_gradients import FoundShard, ShardGradients, nothing
from zfnet.parallel.slowness import Slowness
from zfnet.parallel.synchronised import Synchronised, require_normalised
from zfnet.parallel.world import Alone, Processes
from zfnet.recipe import Recipe


@dataclass(frozen=True)
class Part:
    """What a process found of a step: of each shard its number, readable images, summed loss and
    right answers; images that it could not read; seconds that it computed."""

    shards: tuple[FoundShard, ...]
    bad: Mapping[str, str]
    seconds: float


class ShardedBatches:
    """Steps of batches in shards, in one process or in several.

    synchronised: batch normalisation has the statistics of the whole batch.
    TypeError for weights that are not float32.
    """

    def __init__(
        self, network: Network, loader: ShardLoader, world: Alone | Processes,
        *, synchronised: bool = False,
    ) -> None:  # fmt: skip
        self.network, self.loader, self.world = network, loader, world
        model = network.model
        parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
        averaged = {n: b for n, b in model.named_buffers() if b.dtype.kind not in "iu"}
        self.layout = Layout(parameters, averaged)
        self.nodes = tree.maximal(loader.shards, loader.own)
        self.tops = [self.layout.new() for _ in self.nodes]
        self.below, self.synchronised = list[np.ndarray](), None
        if synchronised:
            require_normalised(network)
            own = self.nodes, self.tops
            self.synchronised = Synchronised(self.layout, loader.shards, *own, world)
        else:
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

    def send(self, bucket: Bucket) -> None:
        """Begin the sum of a bucket over the processes."""
        if self.exchange:
            self.exchange.send(bucket)

    def progress(self) -> None:
        """Let sums that are on their way go on."""
        if self.exchange:
            self.exchange.progress()

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
    return cut, ShardedBatches(network, cut, world, synchronised=recipe.sync_batch_norm)


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
        shards = ShardGradients(of.network, of.layout, self.batch.shards, seed, step, of.progress)
        if of.synchronised:
            of.synchronised.add(shards, of.send)
        else:
            for node, top in zip(of.nodes, of.tops, strict=True):
                send = of.send if node == of.nodes[-1] else nothing
                shards.add(node, [top, *of.below], send)
        seconds = time.perf_counter() - began
        parts = of.met(Part(tuple(shards.found), of.new_bad(), seconds))
        return self._whole(shards, sorted(s for part in parts for s in part.shards), checked)

    def _whole(
        self, shards: ShardGradients, found: Sequence[FoundShard],
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
