"""Gradient of the weights of a depthwise convolution.

    gw[r, s, c] = sum over n, p, q of x[n, p stride - pad + r dilation, ..., c] gy[n, p, q, c]

The sums of up to 10 taps, a vector of channels each, stay in registers along a row of outputs, and
4 outputs share the pixels that they load (`kernels/cpu/channelwise_shares.py`). Taps beyond the
plane are left out. Each part of the rows has its own sums, which are added in order; the parts
depend on the geometry alone, so any number of threads gives the same bits. 2 N C P Q R S operations
on N C (H W + P Q) values; limited by memory, and by loads where the plane is in cache.
"""

from __future__ import annotations

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point, subroutine
from kernels.contract.costs import Work, up
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.contract.threads import partial_sums
from kernels.cpu.channelwise import MOST, channelwise
from kernels.cpu.channelwise_shares import channelwise_shares, rows_at_a_time
from kernels.cpu.depthwise import CHANNELS, MOST_STEP, MOST_TAPS, supports
from kernels.cpu.direct import without_products
from kernels.cpu.vector import lanes, lanes_of


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
    arrays = memory.nhwc(x), memory.flat(x), memory.nhwc(gy), memory.flat(gy), sums.reshape(-1)
    window = (g.R, g.S), g.stride, g.padding, g.dilation
    if g.dilation[1] == 1 and g.S <= MOST_TAPS and g.stride[1] <= MOST_STEP:
        # The lengths of these tuples are types, for which the code is unrolled.
        _unrolled(*arrays, len(sums), *window, (0,) * g.S, (0,) * g.stride[1], rows_at_a_time(g.S))
    else:
        _tap_by_tap(*arrays, len(sums), *window)
    total = sums[0]
    for share in sums[1:]:
        total += share
    taps = memory.nhwc(gw).reshape(g.C, g.R * g.S)  # (C,R,S,1) -> (C,RS), gw's own memory
    last = g.C - lanes(x.dtype)  # where the channels of the last vector begin
    taps[:last] = total[:, :last].T  # (RS,C - L) -> (C - L,RS)
    taps[last:] = total[:, whole - lanes(x.dtype) :].T  # (RS,L) -> (L,RS)
    return gw


@subroutine
def _inside(Q, W, S, stride, padding, dilation):  # type: ignore[no-untyped-def]
    """The outputs of a row of which every tap is left to right on the plane: first, end."""
    first = min(max((padding + stride - 1) // stride, 0), Q)
    return first, min(max((W - 1 - (S - 1) * dilation + padding) // stride + 1, first), Q)


@entry_point(parallel=True)
def _unrolled(x, pixels, gy, gradient, sums, parts, size, stride, padding, dilation, taps, step, most):  # type: ignore[no-untyped-def]  # noqa: E501  # fmt: skip
    """sums (parts,RS,vectors L), flat: those of each part of the output rows, `most` rows of taps
    at a time; `channelwise_shares` explains `taps` and `step`.

    The last vector of channels overlaps the one before it where C is no multiple of L.
    """
    N, P, Q, C = gy.shape
    H, W = x.shape[1:3]
    R, S = size
    lanes, blocks = lanes_of(x), (C + CHANNELS - 1) // CHANNELS
    whole = (C + lanes - 1) // lanes * lanes
    first, end = _inside(Q, W, S, stride[1], padding[2], 1)
    for piece in numba.prange(parts * blocks):
        part, block = piece // blocks, piece % blocks
        for row in range(N * P * part // parts, N * P * (part + 1) // parts):
            n, top = row // P, row % P * stride[0] - padding[0]
            low = min(max(-(top // dilation[0]), 0), R)
            high = max(min((H - 1 - top) // dilation[0] + 1, R), low)
            for c in range(block * CHANNELS, min((block + 1) * CHANNELS, C), lanes):
                at, r = min(c, C - lanes), low
                while r < high:
                    rows = most if r + most <= high else 1
                    x_at = (n * H + top + r * dilation[0]) * W * C + at
                    to = (part * R + r) * S * whole + c
                    channelwise_shares(taps, step, rows, pixels, x_at, C, dilation[0] * W * C,
                                       -padding[2], W, gradient, row * Q * C + at, first, end, Q,
                                       sums, to, whole, S * whole)  # fmt: skip
                    r += rows


@entry_point(parallel=True)
def _tap_by_tap(x, pixels, gy, gradient, sums, parts, size, stride, padding, dilation):  # type: ignore[no-untyped-def]  # fmt: skip
    """The same for any window."""
    N, P, Q, C = gy.shape
    H, W = x.shape[1:3]
    R, S = size
    lanes, blocks = lanes_of(x), (C + CHANNELS - 1) // CHANNELS
    whole = (C + lanes - 1) // lanes * lanes
    first, end = _inside(Q, W, S, stride[1], padding[2], dilation[1])
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
