"""Shifted planes times filter vectors, in NumPy.

    y[n] += x[n,c,r:r+P,s:s+Q] outer w[:,c,r,s]     for every r, s, c

All P Q pixels that tap (r,s) multiplies form a slice of the padded plane. So the three loops over
p, q and k become one NumPy expression, an outer product of a plane (P,Q) and a vector (K,). Only
the loops over n, r, s and c remain in Python. NumPy's inner loops run over k and are vectorised,
since the sums of different k are independent.

Operations: 2 N K P Q C R S. Bytes: every product is written and read again, and every addition
reads and writes y: 20 bytes for two operations. An image of y and of products (2 x 260 KB for
ZFNet's conv3) stays in the second-level cache.

Limited by: loads and stores. Two operations move 20 bytes, where a vector unit could do dozens.

Run it alone: python -m kernels.ladder slices
"""

from __future__ import annotations

import numpy as np

from kernels.contract import memory
from kernels.ladder.step import Step, padded, taps_first

REMOVES = "the chain of additions: neighbouring k are summed side by side in a vector"


def run(x: np.ndarray, filters: np.ndarray, padding: int) -> np.ndarray:
    """x (N,C,H,W), filters (R,S,C,K) -> y (N,K,P,Q)."""
    pixels = padded(x, padding)
    (N, H, W, _), (R, S, C, K) = pixels.shape, filters.shape
    P, Q = H - R + 1, W - S + 1
    y = memory.empty((N, K, P, Q), x.dtype, "NHWC")
    y[...] = 0
    products = np.empty((P, Q, K), x.dtype)
    for n, r, s, c in np.ndindex(N, R, S, C):
        plane = pixels[n, r : r + P, s : s + Q, c, None]
        np.multiply(plane, filters[r, s, c], out=products)  # (P,Q,1) x (K,) -> (P,Q,K)
        image = memory.nhwc(y)[n]
        image += products
    return y


STEP = Step("slices (NumPy)", REMOVES, taps_first, run)
