"""The two normalisations with whole arrays, in float64, and what rounding can do to them.

The blur is a product with one banded matrix from each side, LRN's window a sum of shifted channels.
"""

from __future__ import annotations

import numpy as np

from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry


class Contrast:
    """The parts of local contrast normalisation of x (N,C,H,W); all have these four axes.

    v:     x less its blur.            sigma: the blurred deviation, one value a pixel.
    c:     sigma's mean, a value an image.  d: what v is divided by.
    calm:  no sigma and no c of the image is above the floor, which alone divides.
    """

    def __init__(self, x: np.ndarray, g: LCNGeometry) -> None:
        self.g, self.x = g, x.astype(np.float64)
        self._down, self._across = _band(g.H, g), _band(g.W, g)
        ones = np.ones((1, 1, g.H, g.W))
        self._covered = self._window(ones) if g.border == "corrected" else ones
        with np.errstate(invalid="ignore"):  # infinities of x travel on as NaN
            self.m = self.blur(self._mean(self.x))
            self.v = self.x - self.m
            self.sigma = np.sqrt(self.blur(self._mean(self.v**2)))
        self.c = self.sigma.mean(axis=(2, 3), keepdims=True)
        self.d = np.maximum(np.maximum(self.c, self.sigma), g.floor)
        self.y = self.v / self.d
        self.largest = np.abs(self.x).max(axis=(1, 2, 3), keepdims=True, initial=0.0)
        self.calm = (self.d == g.floor).all(axis=(2, 3), keepdims=True)

    def _mean(self, a: np.ndarray) -> np.ndarray:
        return a.sum(axis=1, keepdims=True) / max(self.g.C, 1)

    def _window(self, u: np.ndarray) -> np.ndarray:
        return self._down @ u @ self._across  # (H,H) x (N,1,H,W) x (W,W); both are symmetric

    def blur(self, u: np.ndarray) -> np.ndarray:
        """The weighted mean of u (N,1,H,W) over the window on each pixel."""
        return self._window(u) / self._covered

    def blur_transposed(self, u: np.ndarray) -> np.ndarray:
        return self._window(u / self._covered)

    def vjp(self, gy: np.ndarray) -> np.ndarray:
        """gx for gy, both (N,C,H,W): sigma wins over c, c over the floor."""
        gy = gy.astype(np.float64)
        by_d = -(gy * self.v).sum(axis=1, keepdims=True) / self.d**2
        to_sigma = np.where(self.d == self.sigma, by_d, 0)
        c_wins = (self.d == self.c) & (self.d != self.sigma)
        to_sigma = to_sigma + self._everywhere(np.where(c_wins, by_d, 0))
        slope = 2 / max(self.g.C, 1) * self.blur_transposed(self._through_root(to_sigma))
        gv = gy / self.d + slope * self.v
        return gv - self.blur_transposed(self._mean(gv))

    def _everywhere(self, u: np.ndarray) -> np.ndarray:
        """c's gradient: an equal share of it for each sigma."""
        return u.mean(axis=(2, 3), keepdims=True)

    def _through_root(self, gs: np.ndarray) -> np.ndarray:
        """The gradient of sigma^2 from sigma's; 0 where sigma is 0."""
        return np.divide(gs, 2 * self.sigma, out=np.zeros_like(gs), where=self.sigma > 0)

    def gap(self) -> float:
        """The least distance between the largest and the second of sigma, c and the floor."""
        rivals = [self.sigma, np.full_like(self.sigma, self.g.floor)]
        rivals += [self.c + 0 * self.sigma] * (self.g.H * self.g.W > 1)
        first, second = np.sort(np.stack(rivals), axis=0)[[-1, -2]]
        return float((first - second).min(initial=np.inf))

    def condition(self) -> np.ndarray:
        """How far a relative error of sigma or d exceeds one of x, (N,1,1,1); 1 where d is fixed.

        Infinite where a sigma that counts is 0, for there it is the rounding that has a slope.
        """
        least = np.minimum(self.sigma, self.d).min(axis=(2, 3), keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            exceeds = np.where(self.largest > 0, self.largest / least, 0)
        return np.where(self.calm, 1, 1 + exceeds)

    def forward_bound(self, unit: float) -> np.ndarray:
        """How far y may be off if v errs by a relative `unit` of the largest |x|.

        sigma, c and d move at most 3 times as far as v; both reach y through the quotient.
        """
        rounding, y = unit * self.largest, np.abs(self.y)
        return rounding / self.d * (1 + 3 * y) + unit * y

    def vjp_bound(self, gy: np.ndarray, unit: float) -> np.ndarray:
        """All terms of the reverse sweep by absolute value, |v| as 2 max|x|, times their error.

        A term holds v at most twice, d twice and sigma once, the latter off by a relative
        3 unit max|x| / sigma: 12 in all, and as much again for what is second-order.
        """
        gy, v = np.abs(gy.astype(np.float64)), 2 * self.largest
        a = gy.sum(axis=1, keepdims=True)
        by_d = np.where(self.calm, 0, a * v / self.d**2)
        slope = self._through_root(by_d + self._everywhere(by_d))
        slope = 2 / max(self.g.C, 1) * self.blur_transposed(slope)
        shift = self.blur_transposed(a / self.d + self.g.C * slope * v) / max(self.g.C, 1)
        return 24 * unit * self.condition() * (gy / self.d + slope * v + shift)


def _band(pixels: int, g: LCNGeometry) -> np.ndarray:
    """(pixels,pixels): the window's weight of each pixel of a line in each pixel's window."""
    away = np.arange(pixels) - np.arange(pixels)[:, None]
    taps = np.arange(g.size) - g.size // 2
    whole = np.exp(-(taps**2) / (2 * g.sigma**2)).sum()
    return np.where(np.abs(away) <= g.size // 2, np.exp(-(away**2) / (2 * g.sigma**2)), 0) / whole


class Response:
    """The parts of local response normalisation of x (N,C,H,W): t = k + alpha / size sum x^2."""

    def __init__(self, x: np.ndarray, g: LRNGeometry) -> None:
        self.g, self.x = g, x.astype(np.float64)
        self.t = g.k + g.alpha / g.size * self._around(self.x**2, g.before)
        self.y = self.x * self.t**-g.beta

    def _around(self, a: np.ndarray, before: int) -> np.ndarray:
        """(N,C,H,W): the sum of a over `size` channels, from `before` ones before each."""
        padding = [(0, 0), (before, self.g.size - 1 - before), (0, 0), (0, 0)]
        padded = np.pad(a, padding)
        return sum((padded[:, i : i + self.g.C] for i in range(self.g.size)), np.zeros(a.shape))

    def terms(self, gy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The two terms whose difference is the gradient: through x itself, and through t."""
        g, gy = self.g, gy.astype(np.float64)
        ratios = gy * self.x * self.t ** (-g.beta - 1)
        return gy * self.t**-g.beta, 2 * g.alpha * g.beta / g.size * self.x * self._around(
            ratios, g.after
        )


def local_contrast_norm(x: np.ndarray, g: LCNGeometry) -> np.ndarray:
    return Contrast(x, g).y


def local_contrast_norm_vjp(gy: np.ndarray, x: np.ndarray, g: LCNGeometry) -> np.ndarray:
    return Contrast(x, g).vjp(gy)


def local_response_norm(x: np.ndarray, g: LRNGeometry) -> np.ndarray:
    return Response(x, g).y


def local_response_norm_vjp(gy: np.ndarray, x: np.ndarray, g: LRNGeometry) -> np.ndarray:
    first, second = Response(x, g).terms(gy)
    return first - second
