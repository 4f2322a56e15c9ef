"""Transposed convolution by a matrix product and col2im: the scatter-add form.

    gx = fold(gy[(n p q), k] w[k, (r s c)])

The gradient of an output pixel times the filters is the gradient of its whole window; folding adds
overlapping windows. The transpose of `conv2d/im2col.py` step by step (Chellapilla, Puri, Simard
2006), some images at a time, so that the columns stay in cache. 2 N K P Q C R S operations,
stride^2 times fewer than the flipped form, which multiplies zeros. The columns' memory traffic
limits it if K is small. A single image is processed by one thread.
"""

from __future__ import annotations

from dataclasses import replace

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.compilation import entry_point
from kernels.contract.costs import Work, unfolded, up
from kernels.contract.declarations import Accuracy, Cost
from kernels.contract.geometry import ConvGeometry
from kernels.contract.operations import Operations
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cpu.gemm import PLAIN, keep, multiply
from kernels.cpu.unfold import fold_image, images_per_block


def work(problem: Problem) -> Work:
    """The work of whole images, shared by two threads."""
    g = problem.geometry
    return unfolded(replace(g, N=up(g.N, 2)))


def operations(g: ConvGeometry) -> Operations:
    """The products, and an addition for each tap on the plane."""
    return Operations(2 * g.macs, g.N * g.C * g.taps_inside)


def terms(g: ConvGeometry) -> float:
    """At most one tap per filter and window: a product of K/groups terms, then R S additions."""
    return g.K // g.groups + g.R * g.S


@kernel(
    "conv2d_dgrad",
    name="col2im",
    accuracy=Accuracy(bound=terms),
    cost=Cost(work, "conv2d_dgrad col2im", operations=operations),
)
def dgrad(gy: np.ndarray, w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """gy (N,K,P,Q), w (K,C/groups,R,S) -> gx (N,C,H,W); accumulates in their type."""
    gx = memory.empty(g.x_shape, gy.dtype, "NHWC")
    filters = memory.nhwc(w).reshape(g.grouped_shape)  # (K,R,S,C) -> (G,K/G,RSC)
    if gy.size and filters.size:
        block, size = images_per_block(g, gy.itemsize), (g.R, g.S)
        arrays = memory.nhwc(gy), filters, memory.nhwc(gx)
        _blocks(*arrays, block, size, g.stride, g.padding, g.dilation)
    else:
        gx[...] = 0
    return gx


@entry_point(parallel=True)
def _blocks(gy, filters, gx, block, size, stride, padding, dilation):  # type: ignore[no-untyped-def]
    N, P, Q, K = gy.shape
    G, Kg, RSC = filters.shape
    C = RSC // (size[0] * size[1])
    item = gy.itemsize
    for b in numba.prange((N + block - 1) // block):
        first = b * block
        images = min(block, N - first)
        windows = np.empty((images, P, Q, size[0], size[1], C), gy.dtype)
        for g in range(G):
            # (images P Q,K/G) x (K/G,RSC) -> (images P Q,RSC)
            multiply(gy.ctypes.data + (first * P * Q * K + g * Kg) * item, PLAIN, K,
                     filters.ctypes.data + g * Kg * RSC * item, PLAIN, RSC,
                     windows.ctypes.data, RSC,
                     images * P * Q, RSC, Kg, False, item == 8)  # fmt: skip
            for n in range(images):
                fold_image(windows[n], gx[first + n], stride, padding, dilation, g * C)
        keep(windows[0, 0, 0, 0, 0, 0])
