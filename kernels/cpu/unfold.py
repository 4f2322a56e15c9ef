"""im2col and col2im: the windows of an image as rows of a matrix, and the transpose.

    columns[(n p q), (r s c)] = x[n, c, p stride - pad + r dilation, q stride - pad + s dilation]

Outside the plane x is 0 (Chellapilla, Puri, Simard 2006). In channels-last memory a row of taps is
S runs of C contiguous values. Folding is the transpose of unfolding: overlapping values are summed.
Both move N P Q R S C values and are memory-bound, so the kernels that use them take a block of rows
(n p) at a time, whose columns stay in cache until they are multiplied.

Both run on one thread; x is (N,H,W,C), c0 the first channel of the group.
"""

from __future__ import annotations

from kernels.contract.compilation import subroutine
from kernels.contract.geometry import ConvGeometry
from kernels.contract.threads import pieces

BLOCK_BYTES = 2 << 20
LEAST_PIXELS = 384
"""Rows of a product by BLAS, which packs the filters anew for each."""


def rows_per_block(g: ConvGeometry, itemsize: int, parts: int | None = None) -> int:
    """How many rows (n p) of windows to unfold at a time, so that every part of a sum has some.

    Without parts: as many as there are pieces of LEAST_PIXELS.
    """
    a_row = g.Q * g.R * g.S * (g.C // g.groups) * itemsize
    share = -(-g.N * g.P // (parts or pieces(g.N * g.P * g.Q, LEAST_PIXELS)))
    return max(1, min(share, BLOCK_BYTES // max(a_row, 1)))


def images_per_block(g: ConvGeometry, itemsize: int) -> int:
    """The same in whole images."""
    return max(1, rows_per_block(g, itemsize) // g.P)


@subroutine
def unfold_rows(x, columns, first, P, stride, padding, dilation, c0):  # type: ignore[no-untyped-def]
    """Write `columns` (rows,Q,R,S,C): the windows of the rows (n p) from `first` on."""
    rows, Q, R, S, C = columns.shape
    _, H, W, _ = x.shape
    for row in range(rows):
        n, p = (first + row) // P, (first + row) % P
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


@subroutine
def fold_image(windows, x, stride, padding, dilation, c0):  # type: ignore[no-untyped-def]
    """Sum `windows` (P,Q,R,S,C) into one image x (H,W,C); the group's channels are overwritten."""
    P, Q, R, S, C = windows.shape
    H, W, _ = x.shape
    x[:, :, c0 : c0 + C] = 0
    for p in range(P):
        for r in range(R):
            h = p * stride[0] - padding[0] + r * dilation[0]
            if 0 <= h < H:
                for q in range(Q):
                    for s in range(S):
                        w = q * stride[1] - padding[2] + s * dilation[1]
                        if 0 <= w < W:
                            for c in range(C):
                                x[h, w, c0 + c] += windows[p, q, r, s, c]
