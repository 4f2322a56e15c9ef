"""Cases of `torch_cases` for images: convolution, pooling, response normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as T
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import DTypeLike

from kernels import PoolGeometry, reference
from kernels.verify.arrays import integers, normal, pairs, small
from kernels.verify.geometries import conv_geometries, pool_geometries
from minidl import functional as F
from tests.minidl.torch_cases import Case, Draw, case, reflected


@case("local_response_norm")
def _local_response_norm(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    size, beta, k = draw(st.sampled_from([1, 3, 5])), draw(st.sampled_from([0.75, 0.5])), 1.5
    x = normal((draw(small(1, 2)), draw(small(1, 6)), *draw(pairs(1, 3))), rng, dtype)

    def majorant(t: torch.Tensor) -> torch.Tensor:
        squares = T.pad((t * t)[:, None], (0, 0, 0, 0, size // 2, size // 2))
        sums = T.avg_pool3d(squares, (size, 1, 1), stride=1)[:, 0]
        return t * reflected(k + 0.5 * sums) ** -beta

    return Case(
        lambda t: F.local_response_norm(t, size, 0.5, beta, k),
        lambda t: T.local_response_norm(t, size, 0.5, beta, k),
        [x], 4 * (2 * size + 12), majorant,
    )  # fmt: skip


def chains(g: Any) -> int:
    """The numbers of products in one sum of fprop, dgrad and wgrad, added."""
    taps = g.R * g.S
    return (g.C + g.K) // g.groups * taps + g.N * g.P * g.Q + 8


@case("conv2d")
def _conv2d(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    g = draw(conv_geometries(pads=(0, 4), symmetric=True))
    more = [(g.K,)] if draw(st.booleans()) else []
    arrays = [normal(shape, rng, dtype) for shape in (g.x_shape, g.w_shape, *more)]
    settings = g.stride, g.padding[::2], g.dilation, g.groups
    return Case(
        lambda x, w, b=None: F.conv2d(x, w, b, *settings),
        lambda x, w, b=None: T.conv2d(x, w, b, *settings), arrays, chains(g),
    )  # fmt: skip


@case("conv_transpose2d")
def _conv_transpose2d(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    g = draw(conv_geometries(pads=(0, 1), symmetric=True))
    extra = tuple(draw(small(0, max(s, d) - 1)) for s, d in zip(g.stride, g.dilation, strict=True))
    planes = zip((g.P, g.Q), g.stride, g.padding[::2], g.extent, extra, strict=True)
    H, W = ((p - 1) * stride - 2 * pad + extent + e for p, stride, pad, extent, e in planes)
    assume(H > 0 and W > 0)
    more = [(g.C,)] if draw(st.booleans()) else []
    arrays = [normal(shape, rng, dtype) for shape in (g.y_shape, g.w_shape, *more)]
    settings = g.stride, g.padding[::2], extra, g.groups, g.dilation
    return Case(
        lambda x, w, b=None: F.conv_transpose2d(x, w, b, *settings),
        lambda x, w, b=None: T.conv_transpose2d(x, w, b, *settings),
        arrays, chains(g) + g.N * H * W,
    )  # fmt: skip


@case("max_pool2d")
def _max_pool2d(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    g = draw(pool_geometries(torch=True))
    settings = (g.R, g.S), g.stride, g.padding[::2], g.dilation, g.ceil_mode
    return Case(
        lambda x: F.max_pool2d(x, *settings), lambda x: T.max_pool2d(x, *settings),
        [integers(g.x_shape, rng, dtype)], g.R * g.S + 2, at_magnitudes=False,
    )  # fmt: skip


@case("avg_pool2d")
def _avg_pool2d(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    g = draw(pool_geometries(torch=True, most_dilated=1))
    settings = (g.R, g.S), g.stride, g.padding[::2], g.ceil_mode, g.count_include_pad
    return Case(
        lambda x: F.avg_pool2d(x, *settings), lambda x: T.avg_pool2d(x, *settings),
        [normal(g.x_shape, rng, dtype)], g.R * g.S + 4,
    )  # fmt: skip


@case("max_unpool2d")
def _max_unpool2d(name: str, draw: Draw, rng: np.random.Generator, dtype: DTypeLike) -> Case:
    """PyTorch does not define collisions, so no two windows overlap."""
    (P, Q), planes = draw(pairs(1, 3)), (draw(small(1, 2)), draw(small(1, 2)))
    size = tuple(2 * n + draw(small(0, 1)) for n in (P, Q))
    g = PoolGeometry.of((*planes, *size), 2)
    switches = reference.max_pool2d(normal(g.x_shape, rng, np.float64), g)[1]
    indices = torch.from_numpy(switches.astype(np.int64))
    return Case(
        lambda y: F.max_unpool2d(y, switches, size),
        lambda y: T.max_unpool2d(y, indices, (2, 2), output_size=size),
        [normal(g.y_shape, rng, dtype)], 2,
    )  # fmt: skip
