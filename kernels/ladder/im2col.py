"""im2col: convolution as one matrix product.

    y (NPQ,K) = columns (NPQ,RSC) filters (RSC,K),   columns[(n p q),(r s c)] = x[n,p+r,q+s,c]

Every window becomes a row of `columns` (Chellapilla, Puri, Simard: "High Performance Convolutional
Neural Networks for Document Processing", 2006). The windows overlap, so `columns` holds x R S
times. The rest is a matrix product, for which there is forty years of knowledge. Here it is three
loops. Their order m, k, n makes the innermost one a contiguous run over a row of y, which fits in
the first-level cache, and the compiler vectorises it.

Operations: 2 N K P Q C R S. Bytes: each fused multiply-add of a vector loads a vector of filters
and a vector of sums, and stores the sums: three accesses for one instruction of arithmetic. The
filters (3.5 MB for ZFNet's conv3) are read anew for each of the N P Q rows.

Limited by: the ports for loads and stores, since the sums are in memory and not in registers.

Run it alone: python -m kernels.ladder im2col
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.ladder.step import Step, padded, taps_first

REMOVES = "the written products, and the calls: one pass, with a row of y in the first cache"


def prepare(w: np.ndarray) -> np.ndarray:
    """w (K,C,R,S) -> (R,S,C,K)."""
    return taps_first(w)


def run(x: np.ndarray, filters: np.ndarray, padding: int) -> np.ndarray:
    """x (N,C,H,W), filters (R,S,C,K) -> y (N,K,P,Q)."""
    pixels = padded(x, padding)
    (N, H, W, _), (R, S, C, K) = pixels.shape, filters.shape
    y = memory.empty((N, K, H - R + 1, W - S + 1), x.dtype, "NHWC")
    columns = memory.empty((*memory.nhwc(y).shape[:3], R, S, C), x.dtype)
    unfold(pixels, columns)
    # (N,P,Q,R,S,C) -> (NPQ,RSC); (R,S,C,K) -> (RSC,K); (N,P,Q,K) -> (NPQ,K)
    rows = columns.reshape(-1, R * S * C)
    _product(rows, filters.reshape(-1, K), memory.nhwc(y).reshape(-1, K))
    return y


@numba.njit(cache=True)
def unfold(x, columns):  # type: ignore[no-untyped-def]
    """Padded pixels x (N,H,W,C) -> columns (N,P,Q,R,S,C)."""
    N, P, Q, R, S, C = columns.shape
    for n in range(N):
        for p in range(P):
            for q in range(Q):
                for r in range(R):
                    for s in range(S):
                        for c in range(C):
                            columns[n, p, q, r, s, c] = x[n, p + r, q + s, c]


@numba.njit(cache=True)
def _product(a, b, y):  # type: ignore[no-untyped-def]
    """y (M,K) = a (M,T) b (T,K)."""
    M, T = a.shape
    K = b.shape[1]
    for m in range(M):
        for k in range(K):
            y[m, k] = 0
        for t in range(T):
            factor = a[m, t]
            for k in range(K):
                y[m, k] += factor * b[t, k]


STEP = Step("im2col", REMOVES, prepare, run)
