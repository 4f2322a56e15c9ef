"""Convolution by its definition: one loop per index. The simplest kernel.

    y[n,k,p,q] = bias[k] + sum over r,s,c of w[k,c,r,s] x[n, c, p stride - pad + r dilation, ...]

Every output is one running sum over the taps on the plane, channels innermost because they are
contiguous. Threads process rows (n p) of outputs. 2 N K P Q C R S operations, no memory beside x, w
and y. Limited by the latency of additions: each depends on the one before, and their order is kept,
so none overlap. x is read again for every filter.
"""

from __future__ import annotations

from functools import partial

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.bound import Call, Options, in_turn
from kernels.contract.compilation import entry_point
from kernels.contract.costs import Work
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.epilogue import bind as apply_to


def work(problem: Problem) -> Work:
    """Each addition takes its latency; the address of each tap of each filter is computed."""
    g = problem.geometry
    outputs = g.N * g.P * g.Q * g.K
    return Work(g.macs, outputs * g.R * g.S, outputs, 0)


def terms(g: ConvGeometry) -> float:
    """The longest chain of roundings: the first product, then an addition a tap to the bias."""
    return g.C // g.groups * g.R * g.S + 1


def bind(x: np.ndarray, w: np.ndarray, g: ConvGeometry, y: np.ndarray, options: Options) -> Call:
    """The call of `forward` that writes this y."""
    begin = np.zeros(g.K, x.dtype) if options.bias is None else options.bias
    arrays = memory.nhwc(x), memory.nhwc(w), begin, memory.nhwc(y)
    sums = partial(_sums, *arrays, g.K // g.groups, g.stride, g.padding, g.dilation)
    if options.epilogue is None:
        return sums
    return in_turn(sums, apply_to(memory.flat(y), memory.flat(y), options.epilogue))


@kernel(
    "conv2d",
    name="loops",
    accuracy=Accuracy(bound=terms),
    cost=Cost(work, "conv2d loops"),
    abilities=Abilities(bind=bind),
)
def forward(
    x: np.ndarray, w: np.ndarray, g: ConvGeometry, *, bias: np.ndarray | None = None
) -> np.ndarray:
    """x (N,C,H,W), w (K,C/groups,R,S), bias (K,) -> y (N,K,P,Q); accumulates in their type."""
    y = memory.empty(g.y_shape, x.dtype, "NHWC")
    if y.size:
        bind(x, w, g, y, Options(bias))()
    return y


@entry_point(parallel=True)
def _sums(x, w, begin, y, group, stride, padding, dilation):  # type: ignore[no-untyped-def]
    _, H, W, _ = x.shape
    _, R, S, C = w.shape
    N, P, Q, K = y.shape
    for row in numba.prange(N * P):
        n, p = row // P, row % P
        for q in range(Q):
            for k in range(K):
                first = k // group * C  # the first channel of k's group
                total = begin[k]
                for r in range(R):
                    i = p * stride[0] - padding[0] + r * dilation[0]
                    for s in range(S):
                        j = q * stride[1] - padding[2] + s * dilation[1]
                        if 0 <= i < H and 0 <= j < W:
                            for c in range(C):
                                total += x[n, i, j, first + c] * w[k, r, s, c]
                y[n, p, q, k] = total
