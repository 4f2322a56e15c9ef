"""Nodes and links of larger machines, assumed and not measured, and the modelled networks."""

from __future__ import annotations

from dataclasses import dataclass

from bench.machines.compute import Subject
from bench.machines.step import Bucket, Compute, Link

GBIT = 1e9 / 8
"""Bytes a second."""

ETHERNET_10 = Link(50e-6, 10 * GBIT)
ETHERNET_100 = Link(20e-6, 100 * GBIT)
"""TCP: latency of a small message between two processes, and the line's rate."""
NVLINK = Link(8e-6, 450e9)
"""NVLink 4 (H100): 18 links of 25 GB/s each way; latency of a step of an NCCL collective."""
INFINIBAND = Link(12e-6, 400 * GBIT)
"""NDR, one port a GPU."""
WITHIN = 8
"""GPUs of a machine, which NVLink connects; beyond them the sums are as fast as InfiniBand."""

CORES, SHARE_OF_CORES = 32, 0.8
"""Assumed of a CPU node: cores that each compute as fast as the one measured, and the share of
their speed that threads on all of them have."""
GPU_PEAK, SHARE_OF_PEAK = 67e12, 0.4
"""Assumed of a GPU: the stated float32 peak of an H100 SXM without tensor cores, and the share of
it that a training step has. Nothing has run on a GPU."""
CPU_NODES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
GPUS = (1, 2, 4, 8, 16, 32, 64)
SUBJECTS = (Subject("zfnet", 224, 1000), Subject("resnet18", 224, 1000))
BATCHES = (128, 1024, 8192)
"""Global batches: the paper's, and those that a recipe with scaled rates is known to bear."""


@dataclass(frozen=True)
class Cluster:
    """Nodes of one kind. counts: numbers of them. times: as fast as the measured core; 0 for GPUs,
    whose speed follows from the network's operations."""

    title: str
    link: Link
    counts: tuple[int, ...]
    times: float = 0.0

    def compute(self, measured: Compute, operations: float) -> Compute:
        """The computation of the measured shard on a node; operations: of an image."""
        if self.times:
            return measured.faster(self.times)
        seconds = operations * measured.images / (GPU_PEAK * SHARE_OF_PEAK)
        return measured.faster((measured.forward + measured.backward) / seconds)

    def between(self, count: int) -> Link:
        """The slowest link among so many."""
        return INFINIBAND if self.link is NVLINK and count > WITHIN else self.link


NODE = CORES * SHARE_OF_CORES
CLUSTERS = (
    Cluster("CPU nodes, 10 Gbit/s Ethernet", ETHERNET_10, CPU_NODES, NODE),
    Cluster("CPU nodes, 100 Gbit/s Ethernet", ETHERNET_100, CPU_NODES, NODE),
    Cluster("GPUs, NVLink up to 8, InfiniBand beyond", NVLINK, GPUS),
    Cluster("GPUs, InfiniBand", INFINIBAND, GPUS),
)


def of_images(compute: Compute, images: float) -> Compute:
    """The computation of a shard of another size: in proportion, the update as it is."""
    share = images / compute.images
    buckets = tuple(Bucket(b.bytes, b.ready * share) for b in compute.buckets)
    return Compute(
        images, compute.forward * share, compute.backward * share, compute.update, buckets
    )
