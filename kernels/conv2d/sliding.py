"""Convolution with windows read in place, not packed: for few channels, as in a first layer.

    y[n, p, q, k] = sum over r of x[n, s p + r, (s q) .. (s q + S), :] w[k, r, :, :] + bias[k]

In channels-last memory the S C terms of one row of a window are contiguous, and the windows of
neighbouring outputs begin s C elements apart. So a tile of 6 (or 12) windows needs no packing: it
is read with that stride (`outer_in_place` in `kernels/cpu/micro_kernel_in_place.py`), each pixel up
to S R / s^2 times, from the L1 cache. x is copied once into a padded plane. 2 N K P Q C R S
operations; limited by the processor's multiply-adds. A panel of filters must stay in the L1 cache
too, which bounds the number of terms; `direct.py` serves longer sums.
"""

from __future__ import annotations

from functools import partial

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Call, Options, in_turn
from kernels.contract.compilation import entry_point
from kernels.contract.costs import Work, runs_of, up
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.direct import bias_of_panels, without_products
from kernels.cpu.epilogue import apply, nothing
from kernels.cpu.filters import pack_filters, terms
from kernels.cpu.micro_kernel import MR
from kernels.cpu.micro_kernel_in_place import outer_in_place
from kernels.cpu.padded import bind_padded
from kernels.cpu.vector import lanes_of

MOST_TERMS = 400


def supports(problem: Problem) -> bool:
    """One group, no dilation along a row, and few terms per window."""
    g = problem.geometry
    return g.groups == 1 and g.dilation[1] == 1 and g.C * g.R * g.S <= MOST_TERMS


def work(problem: Problem) -> Work:
    """Multiply-adds in whole tiles of pixels and panels of 16 filters; x is copied once.

    A tile reads its rows of taps a vector at a time, however few the filters.
    """
    g = problem.geometry
    filters, pixels = up(g.K, 16), g.N * g.P * up(g.Q, MR)
    each = g.C * g.R * g.S
    vectors = runs_of(g) * up(g.S * g.C, 16) / 16
    return Work(pixels * each * filters, g.N * g.C * g.H * g.W, pixels * filters, each * filters,
                runs=vectors)  # fmt: skip


def bind(x: np.ndarray, w: np.ndarray, g: ConvGeometry, y: np.ndarray, options: Options) -> Call:
    """The call of `forward` that writes this y."""
    if 0 in (x.size, y.size, w.size):
        return partial(without_products, y, options.bias, options.rectify)
    packed = pack_filters(w, g) if options.prepared is None else options.prepared
    all_bias = bias_of_panels(options.bias, g.K, x.dtype)
    room = max(0, MR - g.Q) * g.stride[1]  # for whole tiles of windows
    surround, pixels, places = bind_padded(memory.nhwc(x), g, room, options.allocate)
    starts = np.arange(g.R) * places[3]
    epilogue = options.epilogue or nothing(x.dtype)
    multiply = partial(_rows, pixels, places, packed.reshape(-1), memory.nhwc(y), all_bias,
                       options.rectify, starts, g.S * g.C, g.stride[1] * g.C, epilogue)  # fmt: skip
    return in_turn(*surround, multiply)


@kernel(
    "conv2d",
    name="sliding",
    accuracy=Accuracy(bound=terms, spreads="padding"),
    cost=Cost(work, "conv2d sliding"),
    abilities=Abilities(supports=supports, prepare=pack_filters, rectifies=True, bind=bind),
)
def forward(
    x: np.ndarray,
    w: np.ndarray,
    g: ConvGeometry,
    *,
    bias: np.ndarray | None = None,
    rectify: bool = False,
    prepared: np.ndarray | None = None,
) -> np.ndarray:
    """x (N,C,H,W), w (K,C,R,S), bias (K,) -> y (N,K,P,Q), max(y, 0) with `rectify`.

    Accumulates in their type.
    """
    y = memory.empty(g.y_shape, x.dtype, "NHWC")
    bind(x, w, g, y, Options(bias, rectify, prepared))()
    return y


@entry_point(parallel=True)
def _rows(x, places, packed, y, bias, rectify, starts, run, step, epilogue):  # type: ignore[no-untyped-def]
    """y by rows: a thread computes a whole row for one panel of filters after the other.

    starts (R,): offsets of the rows of taps of a window, of `run` terms each; step: elements from
    one window to the next.
    """
    N, P, Q, K = y.shape
    first, image, down, _ = places
    NR = 2 * lanes_of(y)
    panels, terms = (K + NR - 1) // NR, starts.size * run
    out = y.reshape(-1)  # (N,P,Q,K) -> (NPQK,), the same memory
    for unit in numba.prange(N * P):
        n, p = unit // P, unit % P
        edge = np.empty(MR * NR, x.dtype)
        row = first + n * image + p * down
        for panel in range(panels):
            k, b = panel * NR, panel * terms * NR
            for q in range(0, Q, MR):
                q0 = max(0, min(q, Q - MR))  # the last tile overlaps the one before
                a, to = row + q0 * step, (unit * Q + q0) * K + k
                # (MR,RSC) x (RSC,2L) -> (MR,2L)
                if k + NR <= K and Q >= MR:
                    outer_in_place(x, a, step, starts, packed, b, bias, k, rectify, out, to, K,
                               run)  # fmt: skip
                    continue
                outer_in_place(x, a, step, starts, packed, b, bias, k, rectify, edge, 0, NR,
                           run)  # fmt: skip
                for t in range(min(MR, Q)):
                    for e in range(min(NR, K - k)):
                        out[to + t * K + e] = edge[t * NR + e]
        apply(epilogue, out, unit * Q * K, Q, K, K)
