"""Local contrast and local response normalisation with their gradients, in float64.

The blur is a product with a banded matrix from each side. LRN's window is a sum of shifted
channels.
"""

from __future__ import annotations

import numpy as np

from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry


class Contrast:
    """Intermediate arrays of local contrast normalisation of x (N,C,H,W), all of four axes.

    v:  x less its blur.            sigma: the blurred deviation, one value per pixel.
    c:  sigma's mean, a value per image.  d: the divisor of v, max(sigma, c, floor).
    A blur is divided by the blur of ones if the border is "corrected".
    """

    def __init__(self, x: np.ndarray, g: LCNGeometry) -> None:
        self.g, self.x = g, x.astype(np.float64)
        self._down, self._across = _band(g.H, g), _band(g.W, g)
        ones = np.ones((1, 1, g.H, g.W))
        self._coverage = self._window(ones) if g.border == "corrected" else ones
        with np.errstate(invalid="ignore"):  # infinities of x travel on as NaN
            self.m = self.blur(self.mean(self.x))
            self.v = self.x - self.m
            self.sigma = np.sqrt(self.blur(self.mean(self.v**2)))
        self.c = self.sigma.mean(axis=(2, 3), keepdims=True)
        self.d = np.maximum(np.maximum(self.c, self.sigma), g.floor)
        self.y = self.v / self.d

    def mean(self, a: np.ndarray) -> np.ndarray:
        """Over the channels: (N,C,H,W) -> (N,1,H,W)."""
        return a.sum(axis=1, keepdims=True) / max(self.g.C, 1)

    def _window(self, u: np.ndarray) -> np.ndarray:
        return self._down @ u @ self._across  # (H,H) x (N,1,H,W) x (W,W); both are symmetric

    def blur(self, u: np.ndarray) -> np.ndarray:
        """The weighted mean of u (N,1,H,W) over the window centred on each pixel."""
        return self._window(u) / self._coverage

    def blur_transposed(self, u: np.ndarray) -> np.ndarray:
        return self._window(u / self._coverage)

    def vjp(self, gy: np.ndarray) -> np.ndarray:
        """gy (N,C,H,W) -> gx (N,C,H,W). Ties in the divisor: sigma before c before the floor."""
        gy = gy.astype(np.float64)
        by_d = -(gy * self.v).sum(axis=1, keepdims=True) / self.d**2
        to_sigma = np.where(self.d == self.sigma, by_d, 0)
        c_wins = (self.d == self.c) & (self.d != self.sigma)
        to_sigma = to_sigma + self.everywhere(np.where(c_wins, by_d, 0))
        slope = 2 / max(self.g.C, 1) * self.blur_transposed(self.through_root(to_sigma))
        gv = gy / self.d + slope * self.v
        return gv - self.blur_transposed(self.mean(gv))

    def everywhere(self, u: np.ndarray) -> np.ndarray:
        """c's gradient: an equal share of it for each sigma."""
        return u.mean(axis=(2, 3), keepdims=True)

    def through_root(self, gs: np.ndarray) -> np.ndarray:
        """The gradient of sigma^2 from sigma's; 0 where sigma is 0."""
        return np.divide(gs, 2 * self.sigma, out=np.zeros_like(gs), where=self.sigma > 0)


def _band(pixels: int, g: LCNGeometry) -> np.ndarray:
    """(pixels,pixels): [i,j] is the weight of pixel j of a line in the window around pixel i."""
    away = np.arange(pixels) - np.arange(pixels)[:, None]
    taps = np.arange(g.size) - g.size // 2
    whole = np.exp(-(taps**2) / (2 * g.sigma**2)).sum()
    return np.where(np.abs(away) <= g.size // 2, np.exp(-(away**2) / (2 * g.sigma**2)), 0) / whole


class Response:
    """The parts of local response normalisation of x (N,C,H,W): y = x / t^beta, where
    t = k + alpha / size times the sum of x^2 over `size` channels."""

    def __init__(self, x: np.ndarray, g: LRNGeometry) -> None:
        self.g, self.x = g, x.astype(np.float64)
        self.t = g.k + g.alpha / g.size * self._around(self.x**2, g.before)
        self.y = self.x * self.t**-g.beta

    def _around(self, a: np.ndarray, before: int) -> np.ndarray:
        """(N,C,H,W): the sum of a over `size` channels, from c - before for channel c."""
        padding = [(0, 0), (before, self.g.size - 1 - before), (0, 0), (0, 0)]
        padded = np.pad(a, padding)
        return sum((padded[:, i : i + self.g.C] for i in range(self.g.size)), np.zeros(a.shape))

    def terms(self, gy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The two terms whose difference is the gradient: through x itself, and through t."""
        g, gy = self.g, gy.astype(np.float64)
        ratios = gy * self.x * self.t ** (-g.beta - 1)
        slope = 2 * g.alpha * g.beta / g.size * self.x
        return gy * self.t**-g.beta, slope * self._around(ratios, g.after)

    def vjp(self, gy: np.ndarray) -> np.ndarray:
        """gx for gy, both (N,C,H,W)."""
        first, second = self.terms(gy)
        return first - second


def local_contrast_norm(x: np.ndarray, g: LCNGeometry) -> np.ndarray:
    return Contrast(x, g).y


def local_contrast_norm_vjp(gy: np.ndarray, x: np.ndarray, g: LCNGeometry) -> np.ndarray:
    return Contrast(x, g).vjp(gy)


def local_response_norm(x: np.ndarray, g: LRNGeometry) -> np.ndarray:
    return Response(x, g).y


def local_response_norm_vjp(gy: np.ndarray, x: np.ndarray, g: LRNGeometry) -> np.ndarray:
    return Response(x, g).vjp(gy)
