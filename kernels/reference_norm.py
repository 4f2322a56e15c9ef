"""The two normalisations and their gradients as nested loops in float64: the definitions.

Written from the formulas, with the 2-D window and one derivative for each input element. Slow, for
tiny inputs; no code is shared with the kernels. Local contrast normalisation: Jarrett et al.,
ICCV 2009, section 2. Local response normalisation: ONNX's LRN.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry


def window_weights(g: LCNGeometry) -> np.ndarray:
    """(H,W,H,W) float64: [j,k,a,b] is the weight of pixel (a,b) in the window centred on (j,k)."""
    weights, half = np.zeros((g.H, g.W, g.H, g.W)), g.size // 2
    whole = sum(_gaussian(p, q, g) for p, q in _taps(half))
    for j, k in np.ndindex(g.H, g.W):
        for p, q in _taps(half):
            if 0 <= j + p < g.H and 0 <= k + q < g.W:
                weights[j, k, j + p, k + q] = _gaussian(p, q, g) / whole
        if g.border == "corrected":
            weights[j, k] /= weights[j, k].sum()
    return weights


def _taps(half: int) -> Iterator[tuple[int, int]]:
    return ((p, q) for p in range(-half, half + 1) for q in range(-half, half + 1))


def _gaussian(p: int, q: int, g: LCNGeometry) -> float:
    return math.exp(-(p * p + q * q) / (2 * g.sigma**2))


def contrast_parts(
    x: np.ndarray, g: LCNGeometry, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """v (C,H,W) and sigma (H,W) of one sample x (C,H,W)."""
    v, sigma = np.zeros((g.C, g.H, g.W)), np.zeros((g.H, g.W))
    for j, k in np.ndindex(g.H, g.W):
        v[:, j, k] = x[:, j, k] - sum((weights[j, k] * x[i]).sum() for i in range(g.C)) / g.C
    for j, k in np.ndindex(g.H, g.W):
        sigma[j, k] = math.sqrt(sum((weights[j, k] * v[i] ** 2).sum() for i in range(g.C)) / g.C)
    return v, sigma


def local_contrast_norm(x: np.ndarray, g: LCNGeometry) -> np.ndarray:
    """x (N,C,H,W) -> y (N,C,H,W) float64."""
    x, weights = x.astype(np.float64), window_weights(g)
    y = np.zeros(g.x_shape)
    for n in range(g.N if g.C else 0):
        v, sigma = contrast_parts(x[n], g, weights)
        c = sigma.sum() / (g.H * g.W)
        for j, k in np.ndindex(g.H, g.W):
            y[n, :, j, k] = v[:, j, k] / max(c, sigma[j, k], g.floor)
    return y


def local_contrast_norm_vjp(gy: np.ndarray, x: np.ndarray, g: LCNGeometry) -> np.ndarray:
    """gy and x (N,C,H,W) -> gx (N,C,H,W) float64: gx[e] = sum over outputs of gy times dy/dx[e]."""
    gy, x, weights = gy.astype(np.float64), x.astype(np.float64), window_weights(g)
    gx = np.zeros(g.x_shape)
    for n in range(g.N):
        v, sigma = contrast_parts(x[n], g, weights) if g.C else (x[n], x[n])
        for i, a, b in np.ndindex(g.C, g.H, g.W):
            gx[n, i, a, b] = (gy[n] * _contrast_derivative(v, sigma, (i, a, b), g, weights)).sum()
    return gx


def _contrast_derivative(
    v: np.ndarray,
    sigma: np.ndarray,
    element: tuple[int, int, int],
    g: LCNGeometry,
    weights: np.ndarray,
) -> np.ndarray:
    """dy/dx[element], (C,H,W). Ties: sigma before c before floor; 0 where sigma is 0."""
    i, a, b = element
    dv = np.stack([-weights[:, :, a, b] / g.C] * g.C)
    dv[i, a, b] += 1
    dsigma = np.zeros((g.H, g.W))
    for j, k in np.ndindex(g.H, g.W):
        if sigma[j, k] > 0:
            dsigma[j, k] = (weights[j, k] * v * dv).sum() / g.C / sigma[j, k]
    c, dc = sigma.sum() / (g.H * g.W), dsigma.sum() / (g.H * g.W)
    dy = np.zeros((g.C, g.H, g.W))
    for j, k in np.ndindex(g.H, g.W):
        d = max(c, sigma[j, k], g.floor)
        dd = dsigma[j, k] if d == sigma[j, k] else dc if d == c else 0.0
        dy[:, j, k] = dv[:, j, k] / d - v[:, j, k] * dd / d**2
    return dy


def local_response_norm(x: np.ndarray, g: LRNGeometry) -> np.ndarray:
    """x (N,C,H,W) -> y (N,C,H,W) float64."""
    x = x.astype(np.float64)
    y = np.zeros(g.x_shape)
    for n, c, h, w in np.ndindex(*g.x_shape):
        y[n, c, h, w] = x[n, c, h, w] / _response(x[n, :, h, w], c, g) ** g.beta
    return y


def local_response_norm_vjp(gy: np.ndarray, x: np.ndarray, g: LRNGeometry) -> np.ndarray:
    """gy and x (N,C,H,W) -> gx (N,C,H,W) float64: gx[e] = sum over outputs of gy times dy/dx[e]."""
    gy, x = gy.astype(np.float64), x.astype(np.float64)
    gx = np.zeros(g.x_shape)
    for n, c, h, w in np.ndindex(*g.x_shape):
        for out in range(g.C):  # the output channels of this pixel
            t = _response(x[n, :, h, w], out, g)
            dy = t**-g.beta if out == c else 0.0
            if c in _neighbours(out, g):
                dt = 2 * g.alpha / g.size * x[n, c, h, w]
                dy -= g.beta * x[n, out, h, w] * t ** (-g.beta - 1) * dt
            gx[n, c, h, w] += gy[n, out, h, w] * dy
    return gx


def _neighbours(c: int, g: LRNGeometry) -> range:
    """Channels of the window on channel c: ONNX's, clipped to those that there are."""
    first, last = c - math.floor((g.size - 1) / 2), c + math.ceil((g.size - 1) / 2)
    return range(max(0, first), min(g.C - 1, last) + 1)


def _response(pixel: np.ndarray, c: int, g: LRNGeometry) -> float:
    """k + alpha / size times the sum of squares over the window on channel c of pixel (C,)."""
    return float(g.k + g.alpha / g.size * sum(pixel[i] ** 2 for i in _neighbours(c, g)))
