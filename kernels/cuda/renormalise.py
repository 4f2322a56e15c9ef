"""Filters scaled back to a largest root mean square, on CUDA (Zeiler and Fergus 2013, section 3).

    w[k] <- w[k] min(1, max_rms / rms[k]),    rms[k] = sqrt(sum over c,r,s of w[k,c,r,s]^2 / size)

A filter is read once and scaled if its rms is too large. Nothing is allocated: this follows a step
of gradient descent, which must not stop half way. Bound by memory and the latency of one launch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.contract import memory
from kernels.cuda.program import Program, ctype

BLOCK = 256
PROGRAM = Program(
    __file__, entries=("renormalise<float>", "renormalise<double>"), block=(BLOCK, 1, 1)
)


def renormalise(weight: Any, max_rms: float) -> None:
    """Scale the filters of weight (K,C,R,S), on a device, in place; squares are summed in float64.

    ValueError unless its memory is channels-last and contiguous, as `memory.empty` allocates it.
    """
    filters = memory.nhwc(weight)  # (K,C,R,S) -> (K,R,S,C)
    if not filters.flags.c_contiguous:
        raise ValueError(
            f"renormalise: the weight {weight.shape} with strides {weight.strides} must be "
            "channels-last and packed, to be changed in place"
        )
    if filters.size:
        settings = np.float64(max_rms), np.int64(filters[0].size)
        name = f"renormalise<{ctype(weight.dtype)}>"
        PROGRAM.launch(name, (len(filters),), (BLOCK,), filters, *settings)
