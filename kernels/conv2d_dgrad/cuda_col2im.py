"""Transposed convolution on CUDA by cuBLAS and col2im.

    gx = fold(gy[(n p q), k] w[k, (r s c)])

The gradient of an output pixel times the filters is the gradient of its whole window; folding adds
overlapping windows. The transpose of `conv2d/cuda_im2col.py` step by step, some images at a time.
2 N K P Q C R S operations, stride^2 times fewer than the flipped form, which multiplies zeros. The
columns' memory traffic limits it if K is small.
"""

from __future__ import annotations

from typing import Any

from kernels.contract import memory
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.conv2d_dgrad.col2im import operations
from kernels.cuda.grouped import grouped_product
from kernels.cuda.rates import GPU, Work
from kernels.cuda.unfold import fold_images, images_per_chunk


def work(problem: Problem) -> Work:
    """Columns are written and read."""
    g = problem.geometry
    columns = g.N * g.P * g.Q * g.R * g.S * g.C
    chunks = -(-g.N // images_per_chunk(g, 4))
    return Work(g.macs, elements=2 * columns, launches=2 * chunks)


def terms(g: ConvGeometry) -> float:
    """At most one tap per filter and window: a product of K/groups terms, then R S additions."""
    return g.K // g.groups + g.R * g.S


@kernel(
    "conv2d_dgrad",
    name="col2im",
    device="cuda",
    accuracy=Accuracy(bound=terms),
    cost=Cost(work, GPU, operations=operations),
    abilities=Abilities(chunked=True),
)
def dgrad(gy: Any, w: Any, g: ConvGeometry) -> Any:
    """gy (N,K,P,Q), w (K,C/groups,R,S) -> gx (N,C,H,W); accumulates in their type."""
    gx = memory.empty(g.x_shape, gy.dtype, "NHWC", like=gy)
    if 0 in (gx.size, gy.size, w.size):
        gx[...] = 0
        return gx
    filters = memory.nhwc(w).reshape(g.grouped_shape)  # (K,R,S,C) -> (G,K/G,RSC)
    pixels = memory.nhwc(gy).reshape(-1, g.groups, g.K // g.groups)  # (N,P,Q,K) -> (NPQ,G,K/G)
    factors = pixels.transpose(1, 0, 2)  # (NPQ,G,K/G) -> (G,NPQ,K/G)
    block, plane = images_per_chunk(g, gy.itemsize), g.P * g.Q
    for first in range(0, g.N, block):
        images = min(block, g.N - first)
        windows = memory.empty((g.groups, images * plane, filters.shape[2]), gy.dtype, like=gy)
        # (G,images P Q,K/G) x (G,K/G,RSC) -> (G,images P Q,RSC)
        grouped_product(factors[:, first * plane : (first + images) * plane], filters, out=windows)
        fold_images(windows, gx, g, first, images)
    return gx
