"""Gradient of local contrast normalisation on CUDA, with the transposed separable blur.

    gx_i = gy_i / d + a v_i - blur^T(sum_i gy_i / d + a sum_i v_i) / C
    a = 2/C blur^T(gs / (2 sigma))

The algorithm of `separable.py`, with its rules for ties and for sigma = 0. Five kernels, as in the
forward pass; all intermediate values are maps of one float64 per pixel. 12 operations and 5 values
moved per element, and 20 float64 values per pixel: limited by memory if float64 runs at half of
float32's rate.
"""

from __future__ import annotations

import math

import numpy as np

from kernels.contract import memory
from kernels.contract.declarations import Cost
from kernels.contract.norm_geometry import LCNGeometry
from kernels.contract.problem import Problem
from kernels.contract.registry import kernel
from kernels.cuda import Entry, Program, contrast, planes
from kernels.cuda.program import MOST_THREADS
from kernels.cuda.rates import GPU, Work
from kernels.local_contrast_norm.separable import Saved

PROGRAM = Program(
    __file__,
    entries={
        **dict.fromkeys(planes.instances("sums", "combine"), Entry((planes.THREADS, 1, 1))),
        **dict.fromkeys(("slopes", "shifts"), Entry((contrast.COLUMNS, contrast.ROWS, 1))),
        "roots": Entry((MOST_THREADS, 1, 1)),
    },
)
Maps = tuple[np.ndarray, np.ndarray, np.ndarray]


def work(problem: Problem) -> Work:
    g = problem.geometry
    return planes.traffic(math.prod(g.x_shape) * 5 + math.prod(g.plane_shape) * 40, 5)


@kernel("local_contrast_norm_vjp", name="separable", device="cuda", cost=Cost(work, GPU))
def vjp(gy: np.ndarray, x: np.ndarray, saved: Saved, g: LCNGeometry) -> np.ndarray:
    """gy and x (N,C,H,W), `saved` as any forward kernel returned it, on the device -> gx (N,C,H,W).

    float32 or float64; gx is of x's type, every sum and intermediate value is float64.
    """
    gx = memory.empty(g.x_shape, x.dtype, "NHWC", like=x)
    if gx.size:
        arrays, (m, sigma) = (memory.nhwc(gy), memory.nhwc(x)), saved
        d, a, b = _maps(_summed(*arrays, m, g), sigma, g)
        sizes = planes.over_pixels(g.N * g.H, g.W, g.C // planes.lanes(x.dtype, g.C))
        counts = np.int64(g.N * g.H), np.int32(g.W), np.int32(g.C)
        name = planes.instance("combine", x.dtype, g.C)
        PROGRAM.launch(name, *sizes, *arrays, m, d, a, b, memory.nhwc(gx), *counts)
    return gx


def _summed(gy: np.ndarray, x: np.ndarray, m: np.ndarray, g: LCNGeometry) -> Maps:
    """The sums over channels of gy, gy v and v, with v = x - m; gy and x are (N,H,W,C)."""
    gy_sum, gy_v_sum, v_sum = (contrast.new_map(g, x) for _ in range(3))
    pixels = g.N * g.H * g.W
    sizes = planes.over_groups(pixels, g.C // planes.lanes(x.dtype, g.C))
    given = gy, x, m, gy_sum, gy_v_sum, v_sum, np.int64(pixels), np.int32(g.C)
    PROGRAM.launch(planes.instance("sums", x.dtype, g.C), *sizes, *given)
    return gy_sum, gy_v_sum, v_sum


def _maps(summed: Maps, sigma: np.ndarray, g: LCNGeometry) -> Maps:
    """d, a and b of the formula, (N,H,W); the first two sums are overwritten."""
    gy_sum, gy_v_sum, v_sum = summed
    d, a, b = (contrast.new_map(g, sigma) for _ in range(3))
    window, coverage = contrast.settings(g, sigma)
    settled = np.int32(g.N), np.int32(g.H * g.W), np.float64(g.floor)
    PROGRAM.launch("roots", *contrast.over_samples(g), sigma, coverage, gy_v_sum, d, *settled)
    tiles, last = contrast.over_tiles(g), (contrast.map_struct(g), np.int32(g.C))
    given = gy_v_sum, window, coverage, d, v_sum, gy_sum, a, *last
    PROGRAM.launch("slopes", *tiles, *given)
    PROGRAM.launch("shifts", *tiles, gy_sum, window, b, *last)
    return d, a, b
