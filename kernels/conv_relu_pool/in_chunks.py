"""Convolution, ReLU and pooling some images at a time, while their planes are in the last cache.

    y, switches = max_pool2d(max(conv2d(x, w) + bias, 0))

Three kernels one after the other, the first named by the geometry; a convolution that can rectify
does so as it writes. AT_ONCE bytes of planes lie between convolution and pooling, so pooling reads
them from the last cache, and their memory is used again for the next images. Operations are those
of the three.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.contract import memory
from kernels.contract.geometry import ConvGeometry
from kernels.contract.registry import Kernel, all_kernels, kernel, named, pick_for
from kernels.contract.stage_geometry import StageGeometry

AT_ONCE = 20 << 20
"""Bytes of planes between convolution and pooling."""


def serves(g: StageGeometry, device: str) -> bool:
    """Is there a convolution of that name on the device, which serves?"""
    those = (k for k in all_kernels("conv2d") if (k.name, k.device) == (g.convolution, device))
    return any(k.supports(g.conv) for k in those)


def supports(g: StageGeometry) -> bool:
    return serves(g, "cpu")


@kernel("conv_relu_pool", name="in_chunks", supports=supports, cost=lambda g: 1.0, chunked=True)
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
    convolve, pooling = named("conv2d", g.convolution), pick_for("max_pool2d", x, g.pool)
    parts = images(g.conv, x.itemsize)
    if prepared is None and convolve.prepare is not None and len(parts) > 1:  # once for all parts
        prepared = convolve.prepared(w, g.conv)
    options = {"bias": bias} if prepared is None else {"bias": bias, "prepared": prepared}
    if len(parts) == 1:
        pooled: tuple[np.ndarray, np.ndarray] = pooling(
            rectified(convolve, x, w, g.conv, options), g.pool
        )
        return pooled
    y = memory.empty(g.pool.y_shape, x.dtype, "NHWC")
    switches = memory.empty(g.pool.y_shape, np.int32, "NHWC")
    for some in parts:
        part = g.images(some.stop - some.start)
        planes = rectified(convolve, x[some], w, part.conv, options)
        write(pooling, (planes, part.pool), (y[some], switches[some]))
    return y, switches


def images(g: ConvGeometry, itemsize: int) -> list[slice]:
    """The batch in parts of about one size, whose convolved planes take AT_ONCE bytes at most, and
    at most a chunk; an empty batch is one part."""
    a_plane = max(1, g.K * g.P * g.Q * itemsize)
    parts = max(1, -(-g.N // max(1, min(AT_ONCE, memory.chunk()) // a_plane)))
    return [slice(g.N * part // parts, g.N * (part + 1) // parts) for part in range(parts)]


def rectified(
    convolve: Kernel, x: np.ndarray, w: np.ndarray, g: ConvGeometry, options: dict[str, Any]
) -> np.ndarray:
    """The convolution rectified, as it is written where its kernel can."""
    if convolve.rectifies:
        y: np.ndarray = convolve(x, w, g, rectify=True, **options)
        return y
    y = convolve(x, w, g, **options)
    positive: np.ndarray = pick_for("relu", y, y.shape)(y)
    return positive


def write(
    kernel: Kernel, arguments: tuple[Any, ...], out: tuple[np.ndarray, ...], **options: Any
) -> None:
    """A kernel's results into `out`, by itself where it can."""
    if kernel.into:
        kernel(*arguments, **options, out=out if len(out) > 1 else out[0])
        return
    made = kernel(*arguments, **options)
    for place, result in zip(out, made if len(out) > 1 else (made,), strict=True):
        place[...] = result
