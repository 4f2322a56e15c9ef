"""Convolution, ReLU and pooling by a convolution kernel that pools its output while it is in cache.

    y, switches = max_pool2d(max(conv2d(x, w) + bias, 0))

A few rows of outputs at a time are pooled while they are in the nearest caches, and are not stored
elsewhere: N K P Q values are neither written to memory nor read again, which is what limits a first
layer. Operations and limits are those of the convolution (`conv2d/winograd_1d.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.contract.registry import kernel, named
from kernels.contract.stage_geometry import StageGeometry
from kernels.conv_relu_pool.in_chunks import serves


def supports(g: StageGeometry) -> bool:
    if not serves(g, "cpu"):
        return False
    convolve = named("conv2d", g.convolution)
    return convolve.rectifies and convolve.pools(g.conv, g.pool)


@kernel("conv_relu_pool", name="one_pass", supports=supports, cost=lambda g: 0.0, chunked=True)
def forward(
    x: np.ndarray,
    w: np.ndarray,
    g: StageGeometry,
    *,
    bias: np.ndarray | None = None,
    prepared: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """x (N,C,H,W), w (K,C/groups,R,S), bias (K,) -> y (N,K,P',Q') and switches, int32.

    prepared: what the convolution's kernel made of w.
    """
    options = {} if prepared is None else {"prepared": prepared}
    pooled: tuple[np.ndarray, np.ndarray] = named("conv2d", g.convolution)(
        x, w, g.conv, bias=bias, rectify=True, pool=g.pool, **options
    )
    return pooled
