"""Local contrast normalisation and Winograd's convolution, step by step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kernels.contract.norm_geometry import LCNGeometry
from kernels.conv2d.winograd import AT, BT, G
from kernels.reference_norm import window_weights
from kernels.show.matrices import require_small


@dataclass(frozen=True)
class ContrastSteps:
    """All intermediate arrays from one image x (C,H,W) to y (C,H,W), float64.

    weights: (H,W,H,W), the window of each pixel; each sums to 1 with border "corrected".
    m:       (H,W), the mean of the neighbourhood over all channels.
    v:       (C,H,W), x - m.
    sigma:   (H,W), the root of the mean of v^2 over the neighbourhood and all channels.
    c:       the mean of sigma.
    divisor: (H,W), the largest of c, sigma and the floor.
    """

    weights: np.ndarray
    m: np.ndarray
    v: np.ndarray
    sigma: np.ndarray
    c: float
    divisor: np.ndarray
    y: np.ndarray


def contrast_steps(x: np.ndarray, g: LCNGeometry) -> ContrastSteps:
    """x (C,H,W) -> its steps (Jarrett et al.: "What is the best multi-stage architecture for object
    recognition?", ICCV 2009, section 2). ValueError if its windows are too many numbers."""
    require_small((g.H, g.W, g.H, g.W), "the array of all windows")
    x, weights = x.astype(np.float64), window_weights(g)
    m = np.tensordot(weights, x.mean(axis=0))  # (H,W,H,W) x (H,W) -> (H,W)
    v = x - m
    sigma = np.sqrt(np.tensordot(weights, (v**2).mean(axis=0)))  # (H,W,H,W) x (H,W) -> (H,W)
    c = float(sigma.mean())
    divisor = np.maximum(np.maximum(c, sigma), g.floor)
    return ContrastSteps(weights, m, v, sigma, c, divisor, v / divisor)


@dataclass(frozen=True)
class WinogradTile:
    """A 4x4 tile d and a 3x3 kernel w: V = BT d B, U = G w GT, M = U V (by element), y = AT M A."""

    d: np.ndarray
    w: np.ndarray
    V: np.ndarray
    U: np.ndarray
    M: np.ndarray
    y: np.ndarray


def winograd_tile(d: np.ndarray, w: np.ndarray) -> WinogradTile:
    """d (4,4), w (3,3) -> y (2,2) and the steps, float64 (Lavin, Gray: "Fast Algorithms for
    Convolutional Neural Networks", arXiv 1509.09308, section 4.1). ValueError for other shapes."""
    if (d.shape, w.shape) != ((4, 4), (3, 3)):
        raise ValueError(f"a Winograd tile is 4x4 with a kernel 3x3, got {d.shape} and {w.shape}")
    d, w = d.astype(np.float64), w.astype(np.float64)
    V = BT @ d @ BT.T  # (4,4) x (4,4) x (4,4) -> (4,4)
    U = G @ w @ G.T  # (4,3) x (3,3) x (3,4) -> (4,4)
    M = U * V
    return WinogradTile(d, w, V, U, M, AT @ M @ AT.T)  # (2,4) x (4,4) x (4,2) -> (2,2)
