"""Calls from several Python threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from kernels.contract.registry import Kernel
from kernels.verify.calls import Call, Results


def run_together(kernel: Kernel, *calls: Call) -> list[Results]:
    """The results of each call, run in a thread of its own; all start at the same time."""
    barrier = Barrier(len(calls))

    def run(call: Call) -> Results:
        barrier.wait()
        return call.run(kernel)

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
