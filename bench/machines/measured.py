"""Measured steps of several processes on this machine, beside what the model says of them.

    mpiexec -n 4 python -m bench.machines.measured zfnet 56 100 0.25 --steps 5

Each process measures its computation while all others do the same, all measure a bucket's sum
together, then steps. Process 0 prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import asdict, dataclass, replace

import numpy as np

import minidl
from bench.machines.compute import Meter, Subject
from bench.machines.step import Bucket, Compute, Link, Step, step
from minidl import optim
from zfnet.data import Loading, Preprocess, Truth
from zfnet.data.shards import ShardLoader
from zfnet.network import Network
from zfnet.parallel import arena, tree, world
from zfnet.parallel.exchange import Exchange
from zfnet.parallel.sharded import ShardedBatches
from zfnet.parallel.world import Processes

SHARDS, IMAGES = 8, 16
"""Of a batch, and images of a shard."""
SMALL, LARGE = 256, 1 << 20
"""Elements of the buckets that latency and bandwidth are measured with."""


@dataclass(frozen=True)
class Noise:
    """Random images in memory."""

    count: int
    side: int
    classes: tuple[str, ...]
    name: str = "noise"

    def __len__(self) -> int:
        return self.count

    def image(self, index: int) -> np.ndarray:
        rng = np.random.default_rng(index)
        return rng.integers(0, 256, (self.side, self.side, 3), dtype=np.uint8)

    def label(self, index: int) -> int:
        return index % len(self.classes)

    def title(self, index: int) -> str:
        return f"noise {index}"

    def truth(self, index: int) -> Truth | None:
        return None


@dataclass(frozen=True)
class Run:
    """A measured step and what the model needs to know of it."""

    subject: Subject
    processes: int
    shards: int
    seconds: float
    hidden: float
    compute: Compute
    link: Link

    @property
    def modelled(self) -> Step:
        return step(self.compute, self.link, self.processes, self.shards)

    @classmethod
    def of_json(cls, stored: dict[str, object]) -> Run:
        given = dict(stored)
        compute = dict(given.pop("compute"))  # type: ignore[call-overload]
        buckets = tuple(Bucket(**b) for b in compute.pop("buckets"))
        return cls(
            subject=Subject(**given.pop("subject")),  # type: ignore[arg-type]
            compute=Compute(**compute, buckets=buckets),
            link=Link(**given.pop("link")),  # type: ignore[arg-type]
            **given,  # type: ignore[arg-type]
        )


def run(here: Processes, subject: Subject, steps: int) -> Run:
    """A run of `steps` steps, after one more, and a pass of every process beside each of them."""
    meter = Meter(subject.model(), IMAGES)
    network = _network(subject)
    data = Noise(SHARDS * IMAGES * (steps + 1), subject.image_size, network.classes)
    shards = tree.own_shards(SHARDS, here.size, here.rank)
    loader = ShardLoader(
        data, network.preprocess, SHARDS * IMAGES, Loading("centre", workers=0), SHARDS, shards
    )
    batches = ShardedBatches(network, loader, here)
    optimizer = optim.SGD(batches.layout.parameters, 1e-4, 0.9)
    times = []
    for number, one in enumerate(batches.steps(0, 0)):
        if number == 1:
            batches.times.flying = batches.times.waited = 0.0
        here.gather(None)
        meter.once()  # at the same time in all processes
        here.gather(None)
        began = time.perf_counter()
        one.gradients(0, number, lambda loss: None)
        optimizer.step()
        times.append(max(here.gather(time.perf_counter() - began)))
    hidden = float(np.mean(here.gather(batches.times.hidden)))
    compute = _mean(here.gather(meter.compute()))
    return Run(
        subject, here.size, SHARDS, statistics.median(times[1:]), hidden, compute, _link(here)
    )


def _network(subject: Subject) -> Network:
    side = subject.image_size
    mean = np.zeros((3, side, side), np.float32)
    classes = tuple(f"class {n}" for n in range(subject.classes))
    return Network(subject.model(), Preprocess(side, side, mean), classes)


def _mean(each: list[Compute]) -> Compute:
    """The mean over the processes."""
    forward, backward, update = (
        statistics.fmean(getattr(one, part) for one in each)
        for part in ("forward", "backward", "update")
    )
    ready = np.mean([[b.ready for b in one.buckets] for one in each], axis=0)
    buckets = tuple(replace(b, ready=float(r)) for b, r in zip(each[0].buckets, ready, strict=True))
    return Compute(each[0].images, forward, backward, update, buckets)


def _link(here: Processes) -> Link:
    """Latency and bandwidth, from the sums of a small bucket and of a large one."""
    if here.size == 1:
        return Link(0.0, 1e12)
    small, large = (_exchanged(here, size) for size in (SMALL, LARGE))
    others = here.size - 1
    latency = small / (2 * others)
    moved = 2 * 4.0 * LARGE * others / here.size
    return Link(latency, moved / max(large - small, 1e-9))


def _exchanged(here: Processes, size: int, repeats: int = 7) -> float:
    """Seconds of the sum of a bucket of so many elements, when nobody computes."""
    tops = [np.ones(size, np.float32)]
    exchange = Exchange(here, here.size, tops)
    bucket, times = arena.Bucket(0, size, ("all",)), []
    for _ in range(repeats):
        here.gather(None)
        began = time.perf_counter()
        exchange.send(bucket)
        exchange.finish()
        times.append(time.perf_counter() - began)
    return max(here.gather(statistics.median(times)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=["zfnet", "resnet18"])
    parser.add_argument("size", type=int)
    parser.add_argument("classes", type=int)
    parser.add_argument("width", type=float)
    parser.add_argument("--steps", type=int, default=5)
    given = parser.parse_args()
    here = world.here()
    if not isinstance(here, Processes):
        parser.error("start it by mpiexec")
    minidl.set_num_threads(1)
    subject = Subject(given.name, given.size, given.classes, given.width)
    found = run(here, subject, given.steps)
    if here.rank == 0:
        print(json.dumps(asdict(found)), flush=True)


if __name__ == "__main__":
    main()
