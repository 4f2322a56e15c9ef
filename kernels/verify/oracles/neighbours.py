"""The two normalisations as array expressions in float64, and bounds of their rounding errors.

The blur is a product with a banded matrix from each side. LRN's window is a sum of shifted
channels.
"""

from __future__ import annotations

import numpy as np

from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry


class Contrast:
    """Intermediate arrays of local contrast normalisation of x (N,C,H,W), all of four axes.

    v:     x minus its blur.
    sigma: (N,1,H,W), the blurred deviation.
    c:     (N,1,1,1), the mean of sigma.
    d:     (N,1,H,W), the divisor of v.
    calm:  (N,1,1,1), True where the floor is the divisor in all of the image.
    """

    def __init__(self, x: np.ndarray, g: LCNGeometry) -> None:
        self.g, self.x = g, x.astype(np.float64)
        self._down, self._across = _band(g.H, g), _band(g.W, g)
        ones = np.ones((1, 1, g.H, g.W))
        self._coverage = self._window(ones) if g.border == "corrected" else ones
        with np.errstate(invalid="ignore"):  # infinities of x become NaN
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
        to_sigma = to_sigma + self._everywhere(np.where(c_wins, by_d, 0))
        slope = 2 / max(self.g.C, 1) * self.blur_transposed(self._through_root(to_sigma))
        gv = gy / self.d + slope * self.v
        return gv - self.blur_transposed(self._mean(gv))

    def _everywhere(self, u: np.ndarray) -> np.ndarray:
        """The gradient of c, divided equally among all sigma."""
        return u.mean(axis=(2, 3), keepdims=True)

    def _through_root(self, gs: np.ndarray) -> np.ndarray:
        """The gradient of sigma^2 from that of sigma; 0 where sigma is 0."""
        return np.divide(gs, 2 * self.sigma, out=np.zeros_like(gs), where=self.sigma > 0)

    def gap(self) -> float:
        """The smallest difference between the largest and the second largest of sigma, c, floor."""
        rivals = [self.sigma, np.full_like(self.sigma, self.g.floor)]
        rivals += [self.c + 0 * self.sigma] * (self.g.H * self.g.W > 1)
        first, second = np.sort(np.stack(rivals), axis=0)[[-1, -2]]
        return float((first - second).min(initial=np.inf))

    def condition(self) -> np.ndarray:
        """(N,1,1,1): the relative error of sigma or d over that of x; 1 where d is the floor.

        Infinite where a sigma that matters is 0, since the derivative there is that of rounding.
        """
        least = np.minimum(self.sigma, self.d).min(axis=(2, 3), keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            exceeds = np.where(self.largest > 0, self.largest / least, 0)
        return np.where(self.calm, 1, 1 + exceeds)

    def forward_bound(self, unit: float) -> np.ndarray:
        """The bound of y if v errs by `unit` times the largest |x|.

        sigma, c and d err at most 3 times as much as v; both reach y through the quotient.
        """
        rounding, y = unit * self.largest, np.abs(self.y)
        return rounding / self.d * (1 + 3 * y) + unit * y

    def vjp_bound(self, gy: np.ndarray, unit: float) -> np.ndarray:
        """All terms of the reverse sweep in absolute value, |v| as 2 max|x|, times their error.

        A term contains v at most twice, d twice and sigma once, the latter with a relative error of
        3 unit max|x| / sigma: 12 in all, and as much again for second-order errors.
        """
        gy, v = np.abs(gy.astype(np.float64)), 2 * self.largest
        a = gy.sum(axis=1, keepdims=True)
        by_d = np.where(self.calm, 0, a * v / self.d**2)
        slope = self._through_root(by_d + self._everywhere(by_d))
        slope = 2 / max(self.g.C, 1) * self.blur_transposed(slope)
        shift = self.blur_transposed(a / self.d + self.g.C * slope * v) / max(self.g.C, 1)
        return 24 * unit * self.condition() * (gy / self.d + slope * v + shift)


def _band(pixels: int, g: LCNGeometry) -> np.ndarray:
    """(pixels,pixels): [i,j] is the weight of pixel j of a line in the window around pixel i."""
    away = np.arange(pixels) - np.arange(pixels)[:, None]
    taps = np.arange(g.size) - g.size // 2
    whole = np.exp(-(taps**2) / (2 * g.sigma**2)).sum()
    return np.where(np.abs(away) <= g.size // 2, np.exp(-(away**2) / (2 * g.sigma**2)), 0) / whole


class Response:
    """Intermediate arrays of local response normalisation: t = k + alpha / size sum x^2."""

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
