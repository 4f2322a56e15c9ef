"""The float64 definition of the ladder's convolution, and bounds of a step's error.

The definition sums shifted planes, which is fast enough for ZFNet's conv3. A test compares it with
the nested loops of `kernels/reference.py`. Bounds are derived (`kernels/bounds.py`), never tuned.
"""

from __future__ import annotations

import numpy as np

from kernels import bounds
from kernels.contract.geometry import ConvGeometry
from kernels.ladder.step import Step


def definition(x: np.ndarray, w: np.ndarray, padding: int) -> np.ndarray:
    """y (N,K,P,Q) in float64, from x (N,C,H,W) and w (K,C,R,S)."""
    around = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    pixels = np.pad(x.astype(np.float64), around)
    (N, _, H, W), (K, _, R, S) = pixels.shape, w.shape
    P, Q = H - R + 1, W - S + 1
    y = np.zeros((K, N, P, Q))
    for r, s in np.ndindex(R, S):
        # (K,C) x (N,C,P,Q) -> (K,N,P,Q), summed over C
        window = pixels[:, :, r : r + P, s : s + Q]
        y += np.tensordot(w[:, :, r, s].astype(np.float64), window, axes=(1, 1))
    return y.transpose(1, 0, 2, 3)  # (K,N,P,Q) -> (N,K,P,Q)


def bound(step: Step, x: np.ndarray, w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """The bound of a step's error for each element of y (N,K,P,Q).

    It is relative to the sum of the absolute products, or, for a norm-wise step, to the sum over
    channels of the largest |x| of a plane times the sum of |w| over a filter. The definition's own
    roundings in float64 are included.
    """
    if step.norm_wise:
        # (N,C) x (K,C) -> (N,K)
        largest = np.abs(x).max(axis=(2, 3)).astype(np.float64)
        absolute = (largest @ np.abs(w).sum(axis=(2, 3), dtype=np.float64).T)[:, :, None, None]
    else:
        absolute = definition(np.abs(x), np.abs(w), g.padding[0])
    made = bounds.rounding(step.roundings(g), absolute, np.float32)
    return made + bounds.rounding(g.C * g.R * g.S, absolute, np.float64)


def share_of_bound(step: Step, x: np.ndarray, w: np.ndarray, g: ConvGeometry) -> float:
    """The largest ratio of a step's error to its bound: if above 1 or NaN, the step is wrong."""
    y = step.convolve(x, w, g.padding[0])
    if y.shape != g.y_shape:
        raise ValueError(f"y has shape {y.shape}, expected {g.y_shape}")
    error = np.abs(y.astype(np.float64) - definition(x, w, g.padding[0]))
    return float((error / bound(step, x, w, g)).max())
