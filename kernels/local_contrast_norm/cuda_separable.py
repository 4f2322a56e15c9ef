"""Local contrast normalisation on CUDA with separable blurs.

    m = blur(mean_i x_i),  v = x - m,  sigma = sqrt(blur(mean_i v_i^2))
    y = v / max(c, sigma, floor)

The algorithm of `separable.py` (Jarrett et al. 2009; Zeiler, Fergus 2013): both sums are a mean
over channels and a blur of one map. Five kernels: some threads of a warp share a pixel's channels,
a blur has a line in shared memory, a block averages sigma of a sample. 8 operations and 3 values
moved per element, and 12 float64 values per pixel. Limited by memory if float64 runs at half of
float32's rate, as on an A100 or H100, else by the arithmetic in float64.
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
        **dict.fromkeys(planes.instances("moments", "normalise"), Entry((planes.THREADS, 1, 1))),
        **dict.fromkeys(("centres", "deviations"), Entry((contrast.COLUMNS, contrast.ROWS, 1))),
        "divisors": Entry((MOST_THREADS, 1, 1)),
    },
)


def work(problem: Problem) -> Work:
    g = problem.geometry
    return planes.traffic(math.prod(g.x_shape) * 3 + math.prod(g.plane_shape) * 24, 5)


@kernel("local_contrast_norm", name="separable", device="cuda", cost=Cost(work, GPU))
def forward(x: np.ndarray, g: LCNGeometry) -> tuple[np.ndarray, Saved]:
    """x (N,C,H,W) on the device -> y (N,C,H,W), and (m, sigma), each (N,H,W) float64, for any vjp.

    float32 or float64; y is of x's type, every sum and intermediate value is float64. A sigma that
    is no larger than the rounding error of a flat region's is set to 0, as on the CPU.
    """
    y = memory.empty(g.x_shape, x.dtype, "NHWC", like=x)
    m, sigma = contrast.new_map(g, x), contrast.new_map(g, x)
    if y.size:
        _blurred(memory.nhwc(x), m, sigma, g)
        _normalised(memory.nhwc(x), m, sigma, memory.nhwc(y), g)
    else:
        m.fill(0)
        sigma.fill(0)
    return y, (m, sigma)


def _blurred(x: np.ndarray, m: np.ndarray, sigma: np.ndarray, g: LCNGeometry) -> None:
    """Fill m and sigma (N,H,W) from x (N,H,W,C)."""
    mean, variance = contrast.new_map(g, x), contrast.new_map(g, x)
    pixels = g.N * g.H * g.W
    sizes = planes.over_groups(pixels, g.C // planes.lanes(x.dtype, g.C))
    name = planes.instance("moments", x.dtype, g.C)
    PROGRAM.launch(name, *sizes, x, mean, variance, np.int64(pixels), np.int32(g.C))
    window, coverage = contrast.settings(g, x)
    tiles, shape = contrast.over_tiles(g), contrast.map_struct(g)
    PROGRAM.launch("centres", *tiles, mean, window, coverage, variance, m, shape)
    flat = np.float64(_rounding(g))
    PROGRAM.launch("deviations", *tiles, variance, window, coverage, m, sigma, shape, flat)


def _normalised(
    x: np.ndarray, m: np.ndarray, sigma: np.ndarray, y: np.ndarray, g: LCNGeometry
) -> None:
    """Fill y from x, both (N,H,W,C), and from m and sigma (N,H,W)."""
    d = contrast.new_map(g, x)
    settled = np.int32(g.N), np.int32(g.H * g.W), np.float64(g.floor)
    PROGRAM.launch("divisors", *contrast.over_samples(g), sigma, d, *settled)
    sizes = planes.over_pixels(g.N * g.H, g.W, g.C // planes.lanes(x.dtype, g.C))
    counts = np.int64(g.N * g.H), np.int32(g.W), np.int32(g.C)
    PROGRAM.launch(planes.instance("normalise", x.dtype, g.C), *sizes, x, m, d, y, *counts)


def _rounding(g: LCNGeometry) -> float:
    """Bound of |v| / |m| if x is flat, for any order of the sum over channels.

    C + 1 roundings in the mean, 2 size in the blur, 2 size in the coverage, 3 for their products
    and quotient.
    """
    return float((g.C + 4 * g.size + 4) * np.finfo(np.float64).eps)
