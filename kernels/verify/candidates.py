"""Geometries for kernels that support few: a list of common settings, filtered by `supports`.

The ranges of `geometries.py` are narrowed one setting at a time, beginning with a plain call. A
kernel that serves no plain call (padding 1 alone, planes of 56 x 56) gets its examples from here.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.probe import supports
from kernels.contract.registry import Kernel
from kernels.verify.strata.networks import NETWORKS
from kernels.verify.strata.stratum import work

DRAWN = 40_000
"""Geometries that are drawn before they are filtered."""
MOST_SMALL, MOST_LARGE = 60_000, 2_000_000
"""Operations of a geometry for nested loops, and of a large one."""
ENOUGH = 400
WINDOWS = ((3, 3), (1, 1), (5, 5), (7, 7), (2, 2), (4, 4), (1, 3), (3, 1), (11, 11), (8, 8))
CHANNELS = (1, 2, 3, 4, 8, 16, 24, 32, 48, 64)
PLANES = (7, 8, 14, 16, 28, 32, 56)
Rng = np.random.Generator


@lru_cache(maxsize=64)
def candidates(kernel: Kernel, large: bool) -> tuple[Any, ...]:
    """Geometries that the kernel serves, those of the least work first; layers of networks if it
    serves nothing smaller."""
    pooling = "pool" in kernel.operation
    rng, most = np.random.default_rng(0), MOST_LARGE if large else MOST_SMALL
    drawn = dict.fromkeys((_pool if pooling else _convolution)(rng) for _ in range(DRAWN))
    served = [g for g in drawn if g is not None and work(kernel.operation, g) <= most
              and supports(kernel, g)][:ENOUGH]  # fmt: skip
    if not served:
        served = [g for g in NETWORKS.geometries(kernel.operation) if supports(kernel, g)]
    return tuple(sorted(served, key=lambda g: work(kernel.operation, g)))


def among(kernel: Kernel, large: bool) -> st.SearchStrategy[Any]:
    """One of the candidates; nothing if there are none."""
    found = candidates(kernel, large)
    return st.sampled_from(found) if found else st.nothing()


def _of(rng: Rng, values: Any) -> Any:
    return values[int(rng.integers(len(values)))]


def _sizes(rng: Rng, extent: tuple[int, int]) -> tuple[int, int]:
    """H and W: equal or not, of common planes or a little more than the window."""
    H, W = (_of(rng, (*PLANES[:4], *PLANES, e, e + 1, e + 5)) for e in extent)
    return (H, H) if rng.random() < 0.4 else (H, W)


def _axes(rng: Rng, values: Any) -> tuple[int, int]:
    """A value for both axes, one time in four another one for the second."""
    first = _of(rng, values)
    return first, _of(rng, values) if rng.random() < 0.25 else first


def _convolution(rng: Rng) -> ConvGeometry | None:
    R, S = WINDOWS[0] if rng.random() < 0.5 else _of(rng, WINDOWS)
    dilation = _axes(rng, (1, 1, 1, 2, 3))
    extent = (R - 1) * dilation[0] + 1, (S - 1) * dilation[1] + 1
    same = extent[0] // 2, extent[0] // 2, extent[1] // 2, extent[1] // 2
    each = tuple(int(pad) for pad in rng.integers(0, 4, 4))
    padding = _of(rng, (same, same, (1,) * 4, (0,) * 4, (2,) * 4, (3,) * 4, (0, 1, 0, 1), each))
    (H, W), C, K = _sizes(rng, extent), _of(rng, CHANNELS), _of(rng, CHANNELS)
    groups = _of(rng, (1, 1, 1, 2, C))
    if C % groups:
        return None
    K = groups * max(1, K // groups)
    shapes = (_of(rng, (1, 2, 3, 8)), C, H, W), (K, C // groups, R, S)
    try:
        return ConvGeometry.of(*shapes, _axes(rng, (1, 1, 2, 2, R)), padding, dilation, groups)
    except ValueError:
        return None


def _pool(rng: Rng) -> PoolGeometry | None:
    R, S = _of(rng, WINDOWS)
    (H, W), C = _sizes(rng, (R, S)), _of(rng, CHANNELS)
    padding = _of(rng, (0, 1, math.floor(R / 2)))
    try:
        return PoolGeometry.of(
            (_of(rng, (1, 2, 3, 8)), C, H, W), (R, S), _axes(rng, (1, 2, 3, R)), padding,
            ceil_mode=bool(rng.random() < 0.3),
        )  # fmt: skip
    except ValueError:
        return None
