"""Direct convolution in seven nested loops.

    y[n,k,p,q] = sum over r,s,c of x[n,c,p+r-padding,q+s-padding] w[k,c,r,s]

The definition, word for word: one loop for each index of y, one for each index that is summed.
Numba compiles it; Python's interpreter would take minutes for the same loops. Filters are stored
as KRSC and pixels as NHWC, so that the innermost loop reads both contiguously.

Operations: 2 N K P Q C R S. Bytes: each product reads 8, nearly all of them from the first cache.

Limited by: one chain of additions. Each waits about four cycles for the one before it, and fills
one of the 8 or 16 lanes of a vector. The order of a float32 sum is part of the definition, so
the compiler may not distribute it over lanes.

Run it alone: python -m kernels.ladder loops
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.ladder.step import Step, padded

REMOVES = "-"


def prepare(w: np.ndarray) -> np.ndarray:
    """w (K,C,R,S) -> (K,R,S,C)."""
    return np.ascontiguousarray(w.transpose(0, 2, 3, 1))  # (K,C,R,S) -> (K,R,S,C)


def run(x: np.ndarray, filters: np.ndarray, padding: int) -> np.ndarray:
    """x (N,C,H,W), filters (K,R,S,C) -> y (N,K,P,Q)."""
    pixels = padded(x, padding)
    (N, H, W, _), (K, R, S, _) = pixels.shape, filters.shape
    y = memory.empty((N, K, H - R + 1, W - S + 1), x.dtype, "NHWC")
    _loops(pixels, filters, memory.nhwc(y))
    return y


@numba.njit(cache=True)
def _loops(x, w, y):  # type: ignore[no-untyped-def]
    N, P, Q, K = y.shape
    _, R, S, C = w.shape
    for n in range(N):
        for p in range(P):
            for q in range(Q):
                for k in range(K):
                    total = y.dtype.type(0)
                    for r in range(R):
                        for s in range(S):
                            for c in range(C):
                                total += x[n, p + r, q + s, c] * w[k, r, s, c]
                    y[n, p, q, k] = total


STEP = Step("loops", REMOVES, prepare, run)
