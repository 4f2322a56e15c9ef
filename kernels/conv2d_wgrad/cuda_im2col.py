"""Gradient of the weights on CUDA by im2col and cuBLAS.

    gw[k, (r s c)] = gy[(n p q), k]^T columns[(n p q), (r s c)]

The columns are those of `conv2d/cuda_im2col.py`. The sum is over every output pixel of the batch,
some rows of windows at a time; the partial sums are added in order. 2 N K P Q C R S operations; the
columns' memory traffic limits it if K is small.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cuda.grouped import grouped_product
from kernels.cuda.rates import GPU, Work
from kernels.cuda.unfold import rows_per_chunk, unfold_rows


def work(problem: Problem) -> Work:
    """Columns are written and read, and each chunk's partial sums are added."""
    g = problem.geometry
    rows = g.N * g.P
    columns = rows * g.Q * g.R * g.S * g.C
    chunks = -(-rows // rows_per_chunk(g, 4))
    weights = g.K * g.R * g.S * (g.C // g.groups)
    return Work(g.macs, elements=2 * columns + 3 * chunks * weights, launches=3 * chunks)


def terms(g: ConvGeometry) -> float:
    """One product and one addition per output pixel; chunks add no further roundings."""
    return g.N * g.P * g.Q


@kernel(
    "conv2d_wgrad",
    name="im2col",
    device="cuda",
    accuracy=Accuracy(bound=terms, spreads="padding"),
    cost=Cost(work, GPU),
    abilities=Abilities(chunked=True),
)
def wgrad(x: Any, gy: Any, g: ConvGeometry) -> Any:
    """x (N,C,H,W), gy (N,K,P,Q) -> gw (K,C/groups,R,S); accumulates in their type."""
    gw = memory.empty(g.w_shape, x.dtype, "NHWC", like=x)
    if 0 in (x.size, gy.size, gw.size):
        gw[...] = 0
        return gw
    filters = memory.nhwc(gw).reshape(g.grouped_shape)  # (K,R,S,C) -> (G,K/G,RSC), gw's memory
    pixels = memory.nhwc(gy).reshape(-1, g.groups, g.K // g.groups)  # (N,P,Q,K) -> (NPQ,G,K/G)
    factors = pixels.transpose(1, 2, 0)  # (NPQ,G,K/G) -> (G,K/G,NPQ)
    block = rows_per_chunk(g, x.itemsize)
    for first in range(0, g.N * g.P, block):
        rows = min(block, g.N * g.P - first)
        columns = unfold_rows(x, g, first, rows)
        part = factors[:, :, first * g.Q : (first + rows) * g.Q]
        _add_product(part, columns, filters, first > 0)
    return gw


def _add_product(a: Any, b: Any, out: Any, more: bool) -> None:
    """out (G,K/G,RSC) = a (G,K/G,M) x b (G,M,RSC), added to its contents if `more`."""
    if more:
        np.add(out, grouped_product(a, b), out=out)
    else:
        grouped_product(a, b, out=out)
