"""The two normalisations and their gradients in float64, on whole arrays (N,C,H,W).

The blur of local contrast normalisation is a product with a banded matrix from each side. The
window of local response normalisation is a sum of shifted channels.
"""

from __future__ import annotations

import numpy as np

from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry


class Contrast:
    """x - blur(mean of x over the maps) = v; sigma = sqrt(blur(mean of v^2)); c, the mean of sigma
    over an image's pixels; y = v / max(sigma, c, floor). A blur is divided by the blur of ones."""

    def __init__(self, x: np.ndarray, g: LCNGeometry) -> None:
        x = x.astype(np.float64)
        self.g, self.down, self.across = g, _band(g.H, g), _band(g.W, g)
        ones = np.ones((1, 1, g.H, g.W))
        self.coverage = self._window(ones) if g.border == "corrected" else ones
        self.v = x - self._blur(x.mean(1, keepdims=True))
        self.sigma = np.sqrt(self._blur((self.v**2).mean(1, keepdims=True)))  # (N,1,H,W)
        self.c = self.sigma.mean((2, 3), keepdims=True)
        self.d = np.maximum(np.maximum(self.sigma, self.c), g.floor)
        self.y = self.v / self.d

    def _window(self, u: np.ndarray) -> np.ndarray:
        return self.down @ u @ self.across  # (H,H) x (N,1,H,W) x (W,W); both are symmetric

    def _blur(self, u: np.ndarray) -> np.ndarray:
        return self._window(u) / self.coverage

    def _blur_transposed(self, u: np.ndarray) -> np.ndarray:
        return self._window(u / self.coverage)

    def vjp(self, gy: np.ndarray) -> np.ndarray:
        """gx for gy. Of equal maxima sigma goes before c, c before the floor; the derivative at
        sigma = 0 is 0."""
        gd = -(gy * self.v).sum(1, keepdims=True) / self.d**2
        sigma_wins = self.d == self.sigma
        c_wins = ~sigma_wins & (self.d == self.c)
        shared = np.where(c_wins, gd, 0).mean((2, 3), keepdims=True)
        gs = np.where(sigma_wins, gd, 0) + shared
        root = np.divide(gs, 2 * self.sigma, out=np.zeros_like(gs), where=self.sigma > 0)
        gv = gy / self.d + 2 / self.g.C * self._blur_transposed(root) * self.v
        return gv - self._blur_transposed(gv.mean(1, keepdims=True))


def _band(pixels: int, g: LCNGeometry) -> np.ndarray:
    """(pixels,pixels): the weight of each pixel (column) in the window around each pixel (row)."""
    away = np.arange(pixels) - np.arange(pixels)[:, None]
    taps = np.arange(g.size) - g.size // 2
    gaussian = np.where(np.abs(away) <= g.size // 2, np.exp(-(away**2) / (2 * g.sigma**2)), 0)
    return gaussian / np.exp(-(taps**2) / (2 * g.sigma**2)).sum()


class Response:
    """y = x / t^beta, t = k + alpha / size times the sum of x^2 over `size` channels."""

    def __init__(self, x: np.ndarray, g: LRNGeometry) -> None:
        self.g, self.x = g, x.astype(np.float64)
        self.t = g.k + g.alpha / g.size * self._around(self.x**2, g.before)
        self.y = self.x * self.t**-g.beta

    def _around(self, a: np.ndarray, before: int) -> np.ndarray:
        """(N,C,H,W): the sum of a over `size` channels from `before` channels before each."""
        g = self.g
        padded = np.pad(a, ((0, 0), (before, g.size - 1 - before), (0, 0), (0, 0)))
        return sum((padded[:, i : i + g.C] for i in range(g.size)), np.zeros(a.shape))

    def vjp(self, gy: np.ndarray) -> np.ndarray:
        """gx for gy: the terms through x and through t."""
        g = self.g
        ratios = gy * self.x * self.t ** (-g.beta - 1)
        slope = 2 * g.alpha * g.beta / g.size * self.x
        return gy * self.t**-g.beta - slope * self._around(ratios, g.after)
