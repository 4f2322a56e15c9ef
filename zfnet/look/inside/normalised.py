"""One output of a normalisation: the elements that enter, and the numbers that they give.

response   y = x / (k + alpha / size sum of x^2 over channels)^beta
contrast   y = v / max(c, sigma, floor), v = x - blur(mean_c x), sigma = sqrt(blur(mean_c v^2))
group      y = (x - mean) / sqrt(variance + eps) weight + bias, over a group of elements
channel    the same with fixed statistics: batch normalisation in eval
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kernels.bounds import eps, underflow
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from kernels.definition.normalisation import Contrast
from zfnet.look.inside.channel_sums import Place
from zfnet.look.inside.window_sum import require_place


@dataclass(frozen=True, eq=False)
class Response:
    """Local response normalisation at `at` (n,c,h,w).

    first:  the first channel of the window, which is cut off at both ends of the channels.
    values: the pixel's values in the channels of the window.
    """

    g: LRNGeometry
    at: Place
    first: int
    values: np.ndarray

    @property
    def own(self) -> float:
        """x of the unit itself."""
        return float(self.values[self.at[1] - self.first])

    @property
    def squares(self) -> np.ndarray:
        return self.values**2

    @property
    def t(self) -> float:
        """k + alpha / size times the sum of the squares."""
        return float(self.g.k + self.g.alpha / self.g.size * self.squares.sum())

    @property
    def result(self) -> float:
        return float(np.divide(self.own, np.float64(self.t) ** self.g.beta))

    def bound(self, roundings: float, dtype: np.dtype) -> float:
        """Of an engine that rounds `roundings` times on the way to t, and of this sum in float64.

        The power multiplies relative errors by beta + 1, rounds 6 times itself, and rounding beta
        adds |log t| times beta's error.
        """
        beta = abs(self.g.beta)
        log = beta * abs(math.log(self.t)) if self.t > 0 else 0.0
        chains = (roundings, dtype), (self.g.size + 6, np.dtype(np.float64))
        relative = sum(eps(kind) * ((beta + 1) * n + log + 6) for n, kind in chains)
        return relative * abs(self.result) + underflow(dtype)


def response(x: np.ndarray, g: LRNGeometry, at: Sequence[int]) -> Response:
    """The window of output `at` (n,c,h,w) of x (N,C,H,W)."""
    n, c, h, w = require_place(at, g.x_shape, "output")
    first, last = max(0, c - g.before), min(g.C - 1, c + g.after)
    return Response(g, (n, c, h, w), first, x[n, first : last + 1, h, w].astype(np.float64))


@dataclass(frozen=True, eq=False)
class ContrastWindow:
    """Local contrast normalisation at `at` (n,c,h,w).

    rows, columns: of the window, cut off at the plane's borders.
    weights:       of the window's pixels; they add up to 1 with the border "corrected".
    means, squares: in the window, of x and of v^2 over the channels.
    x, mean:       the unit's pixel and its blurred mean, whose difference is v.
    sigma, c:      the blurred deviation, and the mean of all of the image's.
    largest:       |x| in the image.
    """

    g: LCNGeometry
    at: Place
    rows: np.ndarray
    columns: np.ndarray
    weights: np.ndarray
    means: np.ndarray
    squares: np.ndarray
    x: float
    c: float
    largest: float

    @property
    def mean(self) -> float:
        return float((self.weights * self.means).sum())

    @property
    def v(self) -> float:
        return self.x - self.mean

    @property
    def sigma(self) -> float:
        return math.sqrt(float((self.weights * self.squares).sum()))

    @property
    def divisor(self) -> float:
        return max(self.sigma, self.c, self.g.floor)

    @property
    def divides(self) -> str:
        """Which of the three is the divisor."""
        names = (("sigma", self.sigma), ("c", self.c), ("floor", self.g.floor))
        return next(name for name, value in names if not value < self.divisor)

    @property
    def result(self) -> float:
        return self.v / self.divisor

    def bound(self, dtype: np.dtype) -> float:
        """Of an engine that computes in float64 and rounds its result, and of these sums.

        Every rounding is of at most eps of the largest |x|; sigma, c and the divisor move at most 3
        times as far as v, and both reach the result through the quotient
        (`kernels/verify/contrast_bounds.py`).
        """
        g, y = self.g, abs(self.result)
        unit = 2 * (g.C + g.size**2 + 4 * g.size + g.H * g.W + 8) * eps(np.float64)
        moved = unit * self.largest / self.divisor * (1 + 3 * y) + unit * y
        return moved + eps(dtype) * y + underflow(dtype)


def contrast(x: np.ndarray, g: LCNGeometry, at: Sequence[int]) -> ContrastWindow:
    """The window of output `at` (n,c,h,w) of x (N,C,H,W)."""
    n, c, h, w = require_place(at, g.x_shape, "output")
    parts = Contrast(x[n : n + 1], _of_one(g))
    half = g.size // 2
    rows = np.arange(max(0, h - half), min(g.H, h + half + 1))
    columns = np.arange(max(0, w - half), min(g.W, w + half + 1))
    window, inside = g.window(), np.ix_(rows, columns)
    weights = np.outer(window[rows - h + half], window[columns - w + half])
    if g.border == "corrected":
        weights /= weights.sum()
    means, squares = parts.mean(parts.x)[0, 0], parts.mean(parts.v**2)[0, 0]
    return ContrastWindow(
        *(g, (n, c, h, w), rows, columns, weights, means[inside], squares[inside]),
        x=float(x[n, c, h, w]), c=float(parts.c[0, 0, 0, 0]), largest=float(np.abs(parts.x).max()),
    )  # fmt: skip


def _of_one(g: LCNGeometry) -> LCNGeometry:
    """The geometry of one image."""
    return LCNGeometry(1, g.C, g.H, g.W, g.size, g.sigma, g.border, g.floor)


@dataclass(frozen=True, eq=False)
class Standardised:
    """Group, layer and instance normalisation of one element.

    values: the elements of its group, in the axes that they have in x, float64.
    place:  its index in them.
    weight, bias: 1 and 0 without them.
    """

    values: np.ndarray
    place: tuple[int, ...]
    eps: float
    weight: float
    bias: float

    @property
    def x(self) -> float:
        return float(self.values[self.place])

    @property
    def mean(self) -> float:
        return float(self.values.mean())

    @property
    def variance(self) -> float:
        """Of the elements, divided by their number."""
        return float(((self.values - self.values.mean()) ** 2).mean())

    @property
    def deviation(self) -> float:
        """sqrt(variance + eps)."""
        return math.sqrt(self.variance + self.eps)

    @property
    def standard(self) -> float:
        return (self.x - self.mean) / self.deviation

    @property
    def result(self) -> float:
        return self.standard * self.weight + self.bias

    @property
    def absolute(self) -> float:
        """|x| plus the mean |x|, over the deviation, times |weight|, plus |bias|."""
        size = (abs(self.x) + float(np.abs(self.values).mean())) / self.deviation
        return size * abs(self.weight) + abs(self.bias)


@dataclass(frozen=True)
class Channelwise:
    """Batch normalisation in eval, or a fixed scale and shift, of one element.

    mean, variance: the running ones; 0 and 1 of a scale and shift.    eps: added to the variance.
    """

    x: float
    mean: float
    variance: float
    eps: float
    weight: float
    bias: float

    @property
    def deviation(self) -> float:
        return math.sqrt(self.variance + self.eps)

    @property
    def scale(self) -> float:
        return self.weight / self.deviation

    @property
    def shift(self) -> float:
        return self.bias - self.mean * self.scale

    @property
    def result(self) -> float:
        return self.x * self.scale + self.shift

    def bound(self, dtype: np.dtype) -> float:
        """Of an engine that rounds the variance, root, quotient, weight, both products and both
        sums: 8 times."""
        parts = (self.x * self.scale, self.mean * self.scale, self.bias)
        return 8 * (eps(dtype) * sum(map(abs, parts)) + underflow(dtype))
