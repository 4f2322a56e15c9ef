"""Geometries of drawn cases, one function for each operation: (generator, realistic) -> g.

Windows, strides and channels that kernels specialise in are drawn often, others less often.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kernels.contract.activation_geometry import (
    FUNCTIONS,
    WITH_PARAMETER,
    ActivationGeometry,
)
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.group_geometry import GroupNormGeometry
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from kernels.contract.stage_geometry import StageGeometry

MOST_WORK = 4_000_000
"""Largest number of multiply-adds of convolutions that are not of a realistic size."""
LAYERS = (
    (3, 224, 96, 7, 2, 1, 1),
    (3, 227, 96, 11, 4, 0, 1),
    (96, 54, 256, 5, 2, 0, 1),
    (256, 13, 384, 3, 1, 1, 1),
    (384, 13, 256, 3, 1, 1, 1),
    (64, 56, 64, 3, 1, 1, 1),
    (128, 28, 128, 3, 1, 1, 32),
    (128, 28, 128, 3, 2, 1, 1),
    (256, 28, 64, 1, 1, 0, 1),
    (8, 120, 24, 3, 2, 1, 1),
    (6, 150, 16, 3, 1, 1, 1),
    (48, 27, 64, 5, 1, 2, 1),
    (32, 40, 48, 2, 1, 0, 1),
)
"""C, H = W, K, R = S, stride, padding and groups of convolutions of published networks."""
PLANES = (
    (2, 96, 110, 110),
    (1, 256, 26, 26),
    (2, 64, 112, 112),
    (16, 96, 54, 54),
    (9, 96, 110, 110),
)
"""(N,C,H,W) of realistic sizes; the last exceeds a processor's last-level cache."""
Rng = np.random.Generator


def of(rng: Rng, values: Sequence[Any], likely: float = 0.5) -> Any:
    """The first value with probability `likely`, otherwise any of the others."""
    return values[0] if rng.random() < likely else values[int(rng.integers(1, len(values)))]


def between(rng: Rng, least: int, most: int) -> int:
    return int(rng.integers(least, most + 1))


def channels(rng: Rng) -> int:
    """A number of channels: few, any, or a multiple of a vector."""
    kind = between(rng, 0, 2)
    return (between(rng, 1, 4), between(rng, 1, 70), 16 * between(rng, 1, 8))[kind]


def convolution(rng: Rng, realistic: bool) -> ConvGeometry:
    if realistic:
        C, H, K, R, stride, padding, groups = LAYERS[between(rng, 0, len(LAYERS) - 1)]
        shapes = (between(rng, 1, 3), C, H, H + between(rng, 0, 3)), (K, C // groups, R, R)
        return ConvGeometry.of(*shapes, stride, padding, 1, groups)
    square = between(rng, 1, 7)
    sizes = ((3, 3), (1, 1), (2, 2), (5, 5), (7, 7), (11, 11), (square, square),
             (between(rng, 1, 5), between(rng, 1, 5)))  # fmt: skip
    R, S = of(rng, sizes, 0.35)
    free = between(rng, 1, 4), between(rng, 1, 4)
    stride = of(rng, ((1, 1), (2, 2), (2, 2), free), 0.6)
    dilation = of(rng, ((1, 1), (2, 2), (between(rng, 1, 3), between(rng, 1, 3))), 0.8)
    groups = of(rng, (1, 2, 3, 4), 0.75)
    any_pads = tuple(between(rng, -1, 3) for _ in range(4))
    pads = of(rng, ((R // 2, R // 2, S // 2, S // 2), (0, 0, 0, 0), any_pads), 0.4)
    spans = (R - 1) * dilation[0] + 1, (S - 1) * dilation[1] + 1
    beyond = of(rng, ((8, 8), (40, 40), (3, 300), (120, 4)), 0.6)
    H, W = (
        max(1, span - around) + between(rng, 0, most)
        for span, around, most in zip(
            spans, (pads[0] + pads[1], pads[2] + pads[3]), beyond, strict=True
        )
    )
    N, C, K = of(rng, (1, 2, 3, 5, 20), 0.4), channels(rng), channels(rng)
    while True:
        shapes = (N, groups * C, H, W), (groups * K, C, R, S)
        g = ConvGeometry.of(*shapes, stride, pads, dilation, groups)
        if g.macs <= MOST_WORK or (N, C, K) == (1, 1, 1):
            return g
        N, C, K = (max(1, v // 2) for v in (N, C, K))


def pooling(rng: Rng, realistic: bool) -> PoolGeometry:
    free = between(rng, 1, 5), between(rng, 1, 5)
    size, stride = of(rng, (((3, 3), (2, 2)), ((2, 2), (2, 2)), ((3, 3), (1, 1)),
                             (free, (between(rng, 1, 4), between(rng, 1, 4)))))  # fmt: skip
    if realistic:
        shape = PLANES[between(rng, 0, len(PLANES) - 1)]
        return PoolGeometry.of(shape, size, stride, ceil_mode=bool(rng.random() < 0.5))
    any_pads = tuple(between(rng, -1, s // 2) for s in (size[0], size[0], size[1], size[1]))
    pads = of(rng, ((0, 0, 0, 0), any_pads), 0.6)
    dilation = of(rng, ((1, 1), (2, 1), (2, 2)), 0.85)
    ceil = bool(min(pads) >= 0 and rng.random() < 0.5)
    spans = (size[0] - 1) * dilation[0] + 1, (size[1] - 1) * dilation[1] + 1
    beyond = of(rng, ((8, 8), (40, 40), (3, 200)), 0.6)
    H, W = (
        max(1, span - around) + between(rng, 0, most)
        for span, around, most in zip(
            spans, (pads[0] + pads[1], pads[2] + pads[3]), beyond, strict=True
        )
    )
    shape = between(rng, 1, 4), channels(rng), H, W
    include = bool(rng.random() < 0.5)
    try:
        return PoolGeometry.of(shape, size, stride, pads, dilation, ceil, include)
    except ValueError:  # a window of padding alone
        roomy = (*shape[:2], max(H, spans[0]), max(W, spans[1]))
        return PoolGeometry.of(roomy, size, stride, 0, dilation, ceil, include)


CONVOLUTIONS = ("im2col", "winograd_1d", "winograd_tiles", "direct", "naive", "implicit_gemm")
"""Kernels of `conv2d` that compute a stage's, of either device."""


def stage(rng: Rng, realistic: bool) -> StageGeometry:
    """A convolution that leaves planes of at least 2 x 2, which are pooled, and its kernel."""
    name = of(rng, CONVOLUTIONS, 0.2)
    while True:
        g = convolution(rng, realistic)
        if min(g.P, g.Q) >= 3:
            size, padding = between(rng, 2, 3), between(rng, 0, 1)
            return StageGeometry(g, PoolGeometry.of(g.y_shape, size, 2, padding), name)


def planes(rng: Rng, realistic: bool) -> tuple[int, int, int, int]:
    if realistic:
        return PLANES[between(rng, 0, 1)]
    return between(rng, 1, 3), channels(rng), between(rng, 1, 24), between(rng, 1, 24)


def contrast(rng: Rng, realistic: bool) -> LCNGeometry:
    return LCNGeometry.of(
        planes(rng, realistic),
        size=of(rng, (9, 1, 3, 5)),
        sigma=float(rng.uniform(0.5, 3)),
        border=of(rng, ("corrected", "zero")),
        floor=of(rng, (1e-4, 0.5)),
    )


def response(rng: Rng, realistic: bool) -> LRNGeometry:
    return LRNGeometry.of(
        planes(rng, realistic),
        size=of(rng, (5, *range(1, 11))),
        alpha=of(rng, (1e-4, 0.0, float(rng.uniform(1e-4, 2)))),
        beta=of(rng, (0.75, 0.5, 1.0, 1.3)),
        k=of(rng, (2.0, 1.0, float(rng.uniform(0.5, 2)))),
    )


def product(rng: Rng, realistic: bool) -> tuple[int, int, int]:
    """(M,N,K), often with few rows or few terms."""
    if realistic:
        return of(rng, ((16, 4096, 1000), (512, 96, 363), (8, 2304, 4096), (729, 256, 5)))
    few = between(rng, 1, 16)
    M, N, K = (of(rng, (between(rng, 1, 70), few, 16 * few, between(rng, 1, 600)))
               for _ in range(3))  # fmt: skip
    return M, N, K


def products(rng: Rng, realistic: bool) -> tuple[int, int, int, int]:
    """(B,M,N,K), as in attention: many heads, or few."""
    if realistic:
        return of(rng, ((12, 197, 197, 64), (12, 197, 64, 197), (192, 49, 49, 32)))
    M, N, K = (of(rng, (between(rng, 1, 8), between(rng, 1, 70))) for _ in range(3))
    return between(rng, 1, 12), M, N, K


def line(rng: Rng, realistic: bool) -> tuple[int, ...]:
    if realistic:
        return PLANES[between(rng, 0, 2)]
    return tuple(between(rng, 1, 40) for _ in range(between(rng, 0, 4)))


def activation(rng: Rng, realistic: bool) -> ActivationGeometry:
    names = [*FUNCTIONS]
    name = names[between(rng, 0, len(names) - 1)]
    alpha = float(rng.uniform(0.01, 1.7)) if name in WITH_PARAMETER else None
    return ActivationGeometry.of(name, line(rng, realistic), alpha)


def rows(rng: Rng, realistic: bool) -> tuple[int, int, int]:
    """(B,M,N): attention's scores, or few and short rows."""
    if realistic:
        return of(rng, ((12, 197, 197), (192, 49, 49), (1, 16, 1000)))
    return between(rng, 1, 4), between(rng, 1, 40), of(rng, (between(rng, 1, 300), 1))


def groups(rng: Rng, realistic: bool) -> GroupNormGeometry:
    """Rows of tokens, and planes in several groups."""
    if realistic:
        shapes = ((197, 1, 768, 1), (3136, 1, 96, 1), (2, 3136, 128, 32), (1, 784, 64, 64))
        N, L, C, count = shapes[between(rng, 0, len(shapes) - 1)]
        return GroupNormGeometry.of((N, L, C), count)
    count, width = of(rng, (1, between(rng, 1, 9))), of(rng, (between(rng, 1, 9), 16, 40))
    L = of(rng, (1, between(rng, 1, 600)))
    shape = between(rng, 1, 6), L, count * width
    return GroupNormGeometry.of(shape, count, of(rng, (1e-5, 1e-6, 1.0)))


def words(rng: Rng, realistic: bool) -> int:
    return between(rng, 0, 2_000_000 if realistic else 5000)
