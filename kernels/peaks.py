"""The largest value of every plane, and where it is: one pass over the memory, nothing kept."""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory


def peaks(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Planes (N,K,P,Q) -> (values (N,K), places (N,K) int32, p Q + q); the first of equal ones."""
    N, K, P, Q = y.shape
    if 0 in (P, Q):
        raise ValueError(f"planes of {P}x{Q} pixels have no largest one")
    # (N,P,Q,K) -> (N,PQ,K)
    rows = memory.nhwc(memory.admit(y)).reshape(N, P * Q, K)
    values, places = np.empty((N, K), y.dtype), np.empty((N, K), np.int32)
    _peaks(rows, values, places)
    return values, places


@numba.njit(parallel=True, cache=True)
def _peaks(rows, values, places):  # type: ignore[no-untyped-def]
    N, count, K = rows.shape
    for n in numba.prange(N):
        # Of this thread alone, so that the loop over channels is one over vectors.
        best, at = np.empty(K, rows.dtype), np.zeros(K, np.int32)
        for k in range(K):
            best[k] = rows[n, 0, k]
        for i in range(1, count):
            here = np.int32(i)
            for k in range(K):
                value, before, place = rows[n, i, k], best[k], at[k]
                larger = value > before
                best[k] = value if larger else before
                at[k] = here if larger else place
        for k in range(K):
            values[n, k] = best[k]
            places[n, k] = at[k]
