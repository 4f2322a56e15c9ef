"""A sample of the properties on 1, 2, 3 and 8 threads; `test_machines.py` runs it for processors.

    NUMBA_CPU_NAME=haswell NUMBA_NUM_THREADS=8 python -m tests.machines

Kernels whose code depends on the length and the number of vector registers, and that cut their
work for threads: outer products, strips, Winograd's transforms, pooling in registers. In float32
alone, for compiling takes nearly all of the time.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np

from kernels import named
from kernels.contract import threads
from kernels.contract.machine import MACHINE, name
from kernels.verify import PROPERTIES, try_property

SAMPLE = (
    ("conv2d", "direct", "large integers"),
    ("conv2d", "winograd_1d", "same bits"),
    ("conv2d_wgrad", "winograd_1d", "large integers"),
    ("max_pool2d", "pairs", "large sizes"),
    ("max_unpool2d", "blocks", "large sizes"),
    ("matmul", "few_rows", "large product"),
    ("conv2d_dgrad", "winograd_tiles", "same bits"),
)
"""Operation, kernel and property."""
EXAMPLES = 6
COUNTS = 1, 2, 3, 8


def main() -> int:
    """How many of them fail."""
    failed = 0
    print(f"{name()}: {MACHINE}", flush=True)
    for operation, kernel, law in SAMPLE:
        began = time.monotonic(), time.process_time()
        single = PROPERTIES[law].drawn | {"dtypes": (np.float32,)}
        for count in COUNTS:
            threads.set_num_threads(count)
            tried = replace(PROPERTIES[law], drawn=single)
            outcome = try_property(named(operation, kernel), tried, EXAMPLES, seed_=count)
            failed += not outcome.holds
            if not outcome.holds:
                reason = outcome.failure.reason if outcome.failure else outcome.unmet
                print(f"{operation} {kernel}, {law}, {count} threads: {reason or 'no example'}")
        wall, used = time.monotonic() - began[0], time.process_time() - began[1]
        print(f"{operation} {kernel}, {law}: {wall:.1f} s, of processors {used:.1f} s", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
