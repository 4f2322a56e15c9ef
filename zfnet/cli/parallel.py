"""Commands in several processes: their threads, the list of images, what must be alike."""

from __future__ import annotations

from dataclasses import replace

import minidl
from kernels.terminal.progress import Task, progress_bars, say
from zfnet.data import Dataset
from zfnet.data.listing import Listing, listing
from zfnet.origin import Origin
from zfnet.parallel import agreement
from zfnet.parallel.launch import launched
from zfnet.parallel.sharded import ShardedBatches
from zfnet.parallel.world import Alone, Processes, here
from zfnet.recipe import Recipe
from zfnet.train import Trainer

SHARDS = 8
"""Of a new run under a launcher of MPI."""


def use_one_thread() -> None:
    """Compute on one thread in a process that a launcher of MPI started.

    A few sums have another order with another number of threads, so that the number must not
    follow from that of the processes.
    """
    launch = launched()
    if launch is not None:
        idle = minidl.get_num_threads() - launch.local_size
        minidl.set_num_threads(1)
        if launch.rank == 0 and idle > 0:
            say(f"one thread a process, {idle} more cores on this host: --threads sets another")


def begin_sharing() -> Processes:
    """The processes of a command that share its work, one thread each.

    ValueError where MPI cannot be used, and for processes that would compute otherwise.
    """
    world = here()
    assert isinstance(world, Processes)
    use_one_thread()
    agreement.require_alike(world, agreement.of_code(Origin.here()))
    return world


def with_shards(recipe: Recipe, given: frozenset[str]) -> Recipe:
    """The recipe of a new run: in shards under a launcher, unless the user says how many."""
    if "shards" in given or launched() is None:
        return recipe
    return replace(recipe, shards=min(SHARDS, recipe.batch_size))


def require_possible(world: Alone | Processes, recipe: Recipe, device: str, autotune: bool) -> None:
    """ValueError for what cannot be done in shards, or in several processes alike."""
    if recipe.shards and device != "cpu":
        raise ValueError(
            f"shards are added on the CPU, and --device is {device}: leave it out, or train in one "
            "process with --shards 0"
        )
    if world.size > 1 and autotune:
        raise ValueError(
            f"--autotune measures kernels in each of the {world.size} processes, which might "
            "choose others, with other weights: leave it out, or start one process"
        )


def listed(train: Dataset, val: Dataset, workers: int, world: Alone | Processes) -> Listing:
    """The list of a run's images, which one process of each host makes."""
    found = None
    if not isinstance(world, Processes) or world.leads:
        with progress_bars() as bars:
            task = Task(bars, "list of images", len(train) + len(val))
            found = listing(train, val, workers=workers, progress=task.update)
    if isinstance(world, Processes):
        text = world.of_leader(found.text() if found else None)
        found = Listing.of_text(text)
    assert found is not None
    return found


def require_alike(trainer: Trainer) -> None:
    """ValueError unless all processes are about to compute the same."""
    world, images = trainer.world, trainer.images
    if isinstance(world, Processes) and world.size > 1:
        origin = replace(trainer.origin, images=images.digest if images else "")
        sets = trainer.loader.dataset, trainer.val
        own = agreement.facts(trainer.network, trainer.recipe, origin, trainer.at, sets)
        agreement.require_alike(world, own)


def of_processes(trainer: Trainer) -> str:
    """How many processes train, and in how many shards, for the first line; nothing for one."""
    size, shards = trainer.world.size, trainer.recipe.shards
    return f"{size} processes, {shards} shards a batch, " if size > 1 else ""


def launching(trainer: Trainer) -> str:
    """What stands in front of a command that goes on in as many processes."""
    size = trainer.world.size
    return f"mpiexec -n {size} " if size > 1 else ""


def say_hidden(trainer: Trainer) -> None:
    """How long sums of gradients were on their way, and how much of that cost no time."""
    batches, world = trainer.batches, trainer.world
    if not isinstance(batches, ShardedBatches) or world.size == 1:
        return
    times = world.gather((batches.times.flying, batches.times.waited))
    flying, waited = (sum(column) / world.size for column in zip(*times, strict=True))
    if flying:
        say(
            f"{world.size} processes: sums of gradients were on their way for {flying:.1f} s, "
            f"{1 - waited / flying:.0%} of it hidden behind the backward pass "
            f"({waited:.1f} s waited)"
        )
