"""Time and memory of a call on a GPU, by the GPU's own clock: events in its stream.

Launches are asynchronous, so the host's clock cannot time them. An event is recorded before and
after each call; it gets the time at which all earlier work of the stream was done. Before the first
event, memory larger than the last-level cache (L2) is overwritten, for two reasons. Each call finds
its inputs in memory, as in a network that did other work meanwhile. And the host runs ahead of the
GPU by the time of this overwrite, so the time of a kernel does not include the latency of its
launch. The time of a call of many kernels does, where the GPU is faster than the host launches
them, as in normal use.

Our kernels compute in CuPy's memory, PyTorch in its own; each library has its own events and its
own count of bytes.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any

from kernels.contract import devices
from kernels.contract.clock import Call, Instrument

CACHES = 4
"""Bytes to overwrite, in sizes of the L2 cache: its two halves may hold the same lines."""
FLUSH_SECONDS = 1e-4
"""Estimated time of this overwrite (some 200 MB at 2 TB/s), only to plan the rounds."""


class GPU(Instrument):
    """The GPU through the interface of one library."""

    @abstractmethod
    def event(self) -> Any:
        """An event, to be recorded in the stream."""

    @abstractmethod
    def milliseconds(self, began: Any, ended: Any) -> float:
        """Time between two completed events."""

    @abstractmethod
    def wait(self) -> None:
        """Block until the GPU has finished all launched work."""

    @abstractmethod
    def flush(self) -> None:
        """Launch an overwrite of the L2 cache."""

    def seconds(self, call: Call, calls: int, before: int) -> float:
        for _ in range(before):
            call()
        marks = [(self.event(), self.event()) for _ in range(calls)]
        self.wait()
        for began, ended in marks:
            self.flush()
            began.record()
            call()
            ended.record()
        self.wait()
        return sum(self.milliseconds(*pair) for pair in marks) / 1e3 / calls


class CuPyGPU(GPU):
    """The GPU through CuPy, for our kernels. Memory is CuPy's pool, without cuBLAS's own memory."""

    def __init__(self) -> None:
        self.cupy = devices.cupy()
        self.pool = self.cupy.get_default_memory_pool()

    def event(self) -> Any:
        return self.cupy.cuda.Event()

    def milliseconds(self, began: Any, ended: Any) -> float:
        return float(self.cupy.cuda.get_elapsed_time(began, ended))

    def wait(self) -> None:
        self.cupy.cuda.runtime.deviceSynchronize()

    @cached_property
    def _cover(self) -> Any:
        cache = self.cupy.cuda.runtime.getDeviceProperties(0)["l2CacheSize"]
        return self.cupy.empty((CACHES * cache,), "u1")

    def flush(self) -> None:
        self._cover.fill(0)

    def held(self) -> int | None:
        self.wait()
        self.pool.free_all_blocks()
        return int(self.pool.total_bytes())

    def most(self) -> int | None:
        return int(self.pool.total_bytes())  # the pool frees nothing by itself


class TorchGPU(GPU):
    """The GPU through PyTorch. Memory is that of its tensors and of its libraries' workspaces."""

    def __init__(self) -> None:
        import torch

        self.torch = torch

    def event(self) -> Any:
        return self.torch.cuda.Event(enable_timing=True)

    def milliseconds(self, began: Any, ended: Any) -> float:
        return float(began.elapsed_time(ended))

    def wait(self) -> None:
        self.torch.cuda.synchronize()

    @cached_property
    def _cover(self) -> Any:
        cache = self.torch.cuda.get_device_properties(0).L2_cache_size
        return self.torch.empty(CACHES * cache, dtype=self.torch.uint8, device="cuda")

    def flush(self) -> None:
        self._cover.fill_(0)

    def held(self) -> int | None:
        self.wait()
        self.torch.cuda.reset_peak_memory_stats()
        return int(self.torch.cuda.memory_allocated())

    def most(self) -> int | None:
        return int(self.torch.cuda.max_memory_allocated())
