"""Gradient of the weights of a depthwise convolution.

    gw[r, s, c] = sum over n, p, q of x[n, p stride - pad + r dilation, ..., c] gy[n, p, q, c]

For a row of outputs and a row of taps the sums of its taps, up to 8 vectors of channels, stay in
registers along the row (`kernels/cpu/channelwise.py`): a vector of gy is loaded once for all of
them. Outputs whose taps are in part beyond the plane are summed one by one with those on it. Each
part of the rows has its own sums, which are added in order; the parts depend on the geometry alone,
so any number of threads gives the same bits. 2 N C P Q R S operations on N C (H W + P Q) values;
limited by loads, one and 1 / S for each multiply-add.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.costs import Work, up
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.contract.threads import partial_sums
from kernels.cpu.channelwise import MOST, channelwise
from kernels.cpu.depthwise import CHANNELS
from kernels.cpu.direct import without_products
from kernels.cpu.vector import lanes, lanes_of


def supports(problem: Problem) -> bool:
    """One filter a channel, and channels for a vector."""
    g = problem.geometry
    return g.groups == g.C == g.K and lanes(problem.dtype) <= g.C


def work(problem: Problem) -> Work:
    """Multiply-adds of whole vectors; the sums of a row of taps are moved for each row of gy."""
    g = problem.geometry
    channels = up(g.C, lanes(problem.dtype))
    return Work(g.N * g.P * g.Q * channels * g.R * g.S, 0, g.N * g.P * g.R * g.S * channels,
                channels * g.R * g.S, runs=g.N * g.P * g.R * channels)  # fmt: skip


def additions(g: ConvGeometry) -> float:
    """One multiply-add an output pixel, and one addition a part."""
    return max(g.N * g.P * g.Q, 1) + 1


@kernel(
    "conv2d_wgrad",
    name="depthwise",
    accuracy=Accuracy(bound=additions),
    cost=Cost(work, "conv2d_wgrad depthwise"),
    abilities=Abilities(supports=supports),
)
def wgrad(x: np.ndarray, gy: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """x (N,C,H,W), gy (N,C,P,Q) -> gw (C,1,R,S); accumulates in their type."""
    gw = memory.empty(g.w_shape, x.dtype, "NHWC")
    if 0 in (x.size, gy.size, gw.size):
        return without_products(gw)
    whole = up(g.C, lanes(x.dtype))
    sums = memory.empty((partial_sums(g.N * g.P * g.Q), g.R * g.S, whole), x.dtype)
    sums[...] = 0
    _shares(memory.nhwc(x), memory.flat(x), memory.nhwc(gy), memory.flat(gy), sums.reshape(-1),
            len(sums), (g.R, g.S), g.stride, g.padding, g.dilation)  # fmt: skip
    total = sums[0]
    for share in sums[1:]:
        total += share
    taps = memory.nhwc(gw).reshape(g.C, g.R * g.S)  # (C,R,S,1) -> (C,RS), gw's own memory
    last = g.C - lanes(x.dtype)  # where the channels of the last vector begin
    taps[:last] = total[:, :last].T  # (RS,C - L) -> (C - L,RS)
    taps[last:] = total[:, whole - lanes(x.dtype) :].T  # (RS,L) -> (L,RS)
    return gw


@numba.njit(parallel=True, cache=True)
def _shares(x, pixels, gy, gradient, sums, parts, size, stride, padding, dilation):  # type: ignore[no-untyped-def]  # fmt: skip
    """sums (parts,RS,vectors L), flat: those of each part of the output rows.

    The last vector of channels overlaps the one before it where C is no multiple of L.
    """
    N, P, Q, C = gy.shape
    H, W = x.shape[1:3]
    R, S = size
    lanes, blocks = lanes_of(x), (C + CHANNELS - 1) // CHANNELS
    whole = (C + lanes - 1) // lanes * lanes
    # Every tap of the outputs `first` to `end` - 1 of a row is left to right on the plane.
    first = min(max((padding[2] + stride[1] - 1) // stride[1], 0), Q)
    end = min(max((W - 1 - (S - 1) * dilation[1] + padding[2]) // stride[1] + 1, first), Q)
    for piece in numba.prange(parts * blocks):
        part, block = piece // blocks, piece % blocks
        places, factors = np.arange(Q) * (stride[1] * C), np.arange(Q) * C
        for row in range(N * P * part // parts, N * P * (part + 1) // parts):
            n, top = row // P, row % P * stride[0] - padding[0]
            for c in range(block * CHANNELS, min((block + 1) * CHANNELS, C), lanes):
                at = min(c, C - lanes)
                for r in range(R):
                    h = top + r * dilation[0]
                    if 0 <= h < H:
                        x_at = ((n * H + h) * W - padding[2]) * C + at
                        to = ((part * R + r) * S) * whole + c
                        for q in range(Q):
                            if first < q < end:
                                continue
                            left = q * stride[1] - padding[2]
                            low = min(max(-(left // dilation[1]), 0), S)
                            high = max(min((W - 1 - left) // dilation[1] + 1, S), low)
                            count = end - first if q == first and q < end else 1
                            for s in range(low, high, MOST):
                                begin = to + s * whole
                                channelwise(min(high - s, MOST), pixels,
                                            x_at + (q * stride[1] + s * dilation[1]) * C,
                                            dilation[1] * C, places, gradient,
                                            (row * Q + q) * C + at, factors, count,
                                            sums, begin, whole, False, sums, begin, whole
                                            )  # fmt: skip
