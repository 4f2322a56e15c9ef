"""Filters scaled back to a largest root mean square, on CUDA: a block of threads for each filter.

    w[k] <- w[k] min(1, max_rms / rms[k]),    rms[k] = sqrt(sum over c,r,s of w[k,c,r,s]^2 / size)

A filter is read once, and again from the cache if it is scaled. In place nothing is allocated: this
follows a step of gradient descent, which must not stop half way. Up to 12 bytes and 3 operations
per weight in float32: bound by memory, and for small weights by the latency of one launch.
"""

from __future__ import annotations

import math

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Abilities, Cost
from kernels.contract.in_place import to_change
from kernels.contract.registry import kernel
from kernels.cuda.planes import traffic
from kernels.cuda.program import Program, ctype
from kernels.cuda.rates import GPU
from kernels.renormalise.one_pass import LANES, has_filters

PROGRAM = Program(
    __file__, entries=("renormalise<float>", "renormalise<double>"), block=(LANES, 1, 1)
)


@kernel(
    "renormalise",
    name="one_pass",
    device="cuda",
    cost=Cost(lambda problem: traffic(3 * math.prod(problem.geometry)), GPU),
    abilities=Abilities(supports=lambda problem: has_filters(problem.geometry), into=True),
)
def scale(w: np.ndarray, *, max_rms: float, out: np.ndarray | None = None) -> np.ndarray:
    """w (K,C,R,S), on the device, with no filter's rms above `max_rms`; with out=w in place.

    A filter whose rms is NaN stays as it is. Squares are added in float64, in the CPU's order; the
    factor is rounded to the type of w.
    """
    (new,) = to_change((w,), None if out is None else (out,), "renormalise")
    filters = memory.nhwc(new)  # (K,C,R,S) -> (K,R,S,C)
    if filters.size:
        settings = np.float64(max_rms), np.int64(filters[0].size)
        name = f"renormalise<{ctype(w.dtype)}>"
        PROGRAM.launch(name, (len(filters),), (LANES,), filters, *settings)
    return new
