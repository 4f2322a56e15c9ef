"""im2col and col2im: every window of an image as one row of a matrix, and back.

    columns[(n p q), (r s c)] = x[n, c, p stride - pad + r dilation, q stride - pad + s dilation]

Outside the plane x is 0. A window's row of taps is S runs of C contiguous values in channels-last
memory. `fold` is the transpose of `unfold`: what lies on one pixel is summed. Both move
N P Q R S C values and compute nothing else: bound by memory.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels import memory
from kernels.geometry import ConvGeometry


def unfold(x: np.ndarray, g: ConvGeometry, group: int = 0) -> np.ndarray:
    """x (N,C,H,W) channels-last -> (N*P*Q, R*S*C/groups), the columns of one group."""
    Cg = g.C // g.groups
    columns = memory.empty((g.N * g.P, g.Q, g.R, g.S, Cg), x.dtype)
    if columns.size:
        _unfold(memory.nhwc(x), columns, g.P, g.stride, g.padding, g.dilation, group * Cg)
    return columns.reshape(g.N * g.P * g.Q, g.R * g.S * Cg)  # (NP,Q,R,S,C) -> (NPQ,RSC)


def fold(columns: np.ndarray, g: ConvGeometry, out: np.ndarray, group: int = 0) -> None:
    """Sum (N*P*Q, R*S*C/groups) into `out` (N,C,H,W) channels-last, one group's channels."""
    Cg = g.C // g.groups
    windows = columns.reshape(g.N, g.P, g.Q, g.R, g.S, Cg)  # (NPQ,RSC) -> (N,P,Q,R,S,C)
    if out.size:
        _fold(windows, memory.nhwc(out), g.stride, g.padding, g.dilation, group * Cg)


@numba.njit(parallel=True, cache=True)
def _unfold(x, columns, P, stride, padding, dilation, c0):  # type: ignore[no-untyped-def]
    NP, Q, R, S, C = columns.shape
    _, H, W, _ = x.shape
    for row in numba.prange(NP):
        n, p = row // P, row % P
        for q in range(Q):
            for r in range(R):
                h = p * stride[0] - padding[0] + r * dilation[0]
                for s in range(S):
                    w = q * stride[1] - padding[2] + s * dilation[1]
                    if 0 <= h < H and 0 <= w < W:
                        for c in range(C):
                            columns[row, q, r, s, c] = x[n, h, w, c0 + c]
                    else:
                        for c in range(C):
                            columns[row, q, r, s, c] = 0


@numba.njit(parallel=True, cache=True)
def _fold(windows, x, stride, padding, dilation, c0):  # type: ignore[no-untyped-def]
    """Each row of pixels gathers what reaches it: no two threads write the same place."""
    N, P, Q, R, S, C = windows.shape
    _, H, W, _ = x.shape
    for row in numba.prange(N * H):
        n, h = row // H, row % H
        x[n, h, :, c0 : c0 + C] = 0
        for r in range(R):
            p, remainder = divmod(h + padding[0] - r * dilation[0], stride[0])
            if remainder == 0 and 0 <= p < P:
                for q in range(Q):
                    for s in range(S):
                        w = q * stride[1] - padding[2] + s * dilation[1]
                        if 0 <= w < W:
                            for c in range(C):
                                x[n, h, w, c0 + c] += windows[n, p, q, r, s, c]
