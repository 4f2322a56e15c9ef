"""Convolution, ReLU and pooling on CUDA, one after the other over the whole batch.

    y, switches = max_pool2d(max(conv2d(x, w) + bias, 0))

Three kernels, the first named by the geometry; a convolution that can rectify does so as it writes.
A GPU's caches hold no such planes, and every launch costs, so nothing is cut into parts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.contract.registry import kernel, named, pick_for
from kernels.contract.stage_geometry import StageGeometry
from kernels.conv_relu_pool.in_chunks import rectified, serves


def supports(g: StageGeometry) -> bool:
    return serves(g, "cuda")


@kernel("conv_relu_pool", name="whole_batch", device="cuda", supports=supports)
def forward(
    x: np.ndarray,
    w: np.ndarray,
    g: StageGeometry,
    *,
    bias: np.ndarray | None = None,
    prepared: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """x (N,C,H,W), w (K,C/groups,R,S), bias (K,), on the device -> y (N,K,P',Q') and switches,
    int32."""
    options = {"bias": bias} if prepared is None else {"bias": bias, "prepared": prepared}
    planes = rectified(named("conv2d", g.convolution, "cuda"), x, w, g.conv, options)
    pooled: tuple[np.ndarray, np.ndarray] = pick_for("max_pool2d", x, g.pool)(planes, g.pool)
    return pooled
