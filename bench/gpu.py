"""What a call takes on a GPU, by the GPU's own clock: events in its stream of work.

The host only orders; what it orders is computed later, so its clock says nothing. An event is
recorded before and after each call and gets the time when all work before it was done. Before the
first of the two, memory larger than the last cache (L2) is overwritten: each call finds its inputs
in memory, as in a network that has done other things meanwhile, and the host is ahead of the GPU by
the time that this takes, so that a kernel is not timed with the wait for its order. A call of many
kernels is, where the GPU is faster than the host that orders them; so it is in use.

Ours compute in CuPy's memory, PyTorch in its own; each is asked for its events and its bytes.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any

from kernels.contract import devices
from kernels.contract.clock import Call, Instrument

CACHES = 4
"""How many times the last cache is overwritten: it may be in halves that hold the same lines."""
FLUSH_SECONDS = 1e-4
"""About what that takes (some 200 MB at 2 TB/s), for planning alone."""


class GPU(Instrument):
    """The GPU as one library sees it."""

    @abstractmethod
    def event(self) -> Any:
        """A mark in the stream, to be recorded."""

    @abstractmethod
    def milliseconds(self, began: Any, ended: Any) -> float:
        """Between two marks that the GPU has passed."""

    @abstractmethod
    def wait(self) -> None:
        """Until the GPU has done all that it was told."""

    @abstractmethod
    def flush(self) -> None:
        """Order that what the last cache holds is replaced."""

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


class CuPys(GPU):
    """Ours. Memory is what CuPy's pool took from the GPU; cuBLAS has some of its own besides."""

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
        return int(self.pool.total_bytes())  # the pool gives nothing back by itself


class Torchs(GPU):
    """PyTorch's. Memory is what its tensors and its libraries' workspaces were given."""

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
