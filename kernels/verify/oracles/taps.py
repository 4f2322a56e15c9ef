"""The three convolutions as a sum over the taps of the window, in NumPy's widest type.

    sum over r, s of <a shifted view of x> times w[:, :, r, s]

Fast enough for sizes larger than an algorithm's tiles, and more precise than the kernels: on x86-64
its additions round at 2^-64.
"""

from __future__ import annotations

import math

import numpy as np

from kernels.contract.geometry import ConvGeometry

WIDE = np.longdouble


def conv_by_taps(
    result: str, g: ConvGeometry, inputs: dict[str, np.ndarray], dtype: type = np.float64
) -> np.ndarray:
    """The derivative of the form sum gy x w by `result` ("x", "w" or "gy"), from the other two."""
    given: dict[str, np.ndarray] = {name: a.astype(dtype) for name, a in inputs.items()}
    top, bottom, left, right = g.padding
    # The plane with its padding, before cropping, plus pixels that the last window lacks.
    H, W = g.H + max(top, 0) + max(bottom, 0), g.W + max(left, 0) + max(right, 0)
    planes: np.ndarray = np.zeros((g.N, g.C, H, W), dtype)
    inner = (..., slice(max(top, 0), max(top, 0) + g.H), slice(max(left, 0), max(left, 0) + g.W))
    if "x" in given:
        planes[inner] = given["x"]
    w = given.get("w", np.zeros(g.w_shape, dtype)) if result != "w" else np.zeros(g.w_shape, dtype)
    gy = given["gy"] if "gy" in given else np.zeros(g.y_shape, dtype)
    for r, s in np.ndindex(g.R, g.S):
        view = windows(planes, g, r, s)  # (N,C,P,Q)
        if result == "gy":
            gy += _grouped("ngcpq,gkc->ngkpq", g, view, w[:, :, r, s])
        elif result == "x":
            view += _grouped("ngkpq,gkc->ngcpq", g, gy, w[:, :, r, s])
        else:
            w[:, :, r, s] = _grouped("ngkpq,ngcpq->gkc", g, gy, view)
    return {"gy": gy, "x": planes[inner], "w": w}[result]


def windows(planes: np.ndarray, g: ConvGeometry, r: int, s: int) -> np.ndarray:
    """The view (N,C,P,Q) of the padded planes at tap (r, s) of every window."""
    rows, columns = (
        slice(start, start + (count - 1) * stride + 1, stride)
        for start, count, stride in (
            (max(-g.padding[0], 0) + r * g.dilation[0], g.P, g.stride[0]),
            (max(-g.padding[2], 0) + s * g.dilation[1], g.Q, g.stride[1]),
        )
    )
    return planes[:, :, rows, columns]


def _grouped(contraction: str, g: ConvGeometry, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """einsum with the channel axes split into (groups, channels of a group), joined afterwards."""
    out = np.einsum(contraction, _split(a, g), _split(b, g))
    if contraction.endswith("gkc"):
        return out.reshape(g.K, g.C // g.groups)  # (G,K/G,C/G) -> (K,C/G)
    return out.reshape(g.N, math.prod(out.shape[1:3]), g.P, g.Q)  # (N,G,.,P,Q) -> (N,.,P,Q)


def _split(a: np.ndarray, g: ConvGeometry) -> np.ndarray:
    if a.ndim == 2:
        return a.reshape(g.groups, g.K // g.groups, g.C // g.groups)  # (K,C/G) -> (G,K/G,C/G)
    return a.reshape(g.N, g.groups, a.shape[1] // g.groups, g.P, g.Q)  # (N,.,P,Q) -> (N,G,.,P,Q)
