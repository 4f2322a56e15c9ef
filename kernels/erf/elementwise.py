"""Error function: y = 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x.

In float32 by a quotient of polynomials (`kernels/cpu/error_function.py`), in float64 by libm. One
read and one write per element; in float32 limited by memory.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point
from kernels.contract.declarations import Accuracy
from kernels.contract.registry import kernel
from kernels.cpu.error_function import erf32


@kernel("erf", name="elementwise", accuracy=Accuracy(bound=lambda shape: 5))
def forward(x: np.ndarray) -> np.ndarray:
    """x of any shape -> y of the same shape, type and memory order."""
    y = memory.empty_like(x)
    if x.size:
        (_single if x.dtype == np.float32 else _double)(memory.flat(x), memory.flat(y))
    return y


@entry_point(parallel=True, fastmath={"contract"})
def _single(x, y):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        y[i] = erf32(x[i])


@entry_point(parallel=True)
def _double(x, y):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        y[i] = math.erf(x[i])
