"""Rules of relevance for a linear map y = W x + b, one a class.

Each takes the map and the relevance r of y, and returns that of x. With a stabilised z,
s(z) = z + stabiliser sign(z), and parts a+ = max(a, 0), a- = min(a, 0):

    Epsilon    x * W' (r / s(W x + b))
    AlphaBeta  alpha times the share of positive products less beta times that of negative ones
    ZPlus      AlphaBeta with alpha 1, beta 0
    Gamma      Epsilon with W + gamma W+ where y > 0, W + gamma W- where y < 0, by the signs of x
    Flat       W' (r / s(W 1)) with ones for W: every pixel of a window alike
    WSquare    W' (r / s(W 1 + b)) with W^2, b^2
    Box        Epsilon for x W - low W+ - high W-, x between low and high

W' is the transposed map. Sources: Bach et al. 2015 (Epsilon, AlphaBeta); Montavon et al. 2017
(ZPlus, WSquare, Box); Montavon et al. 2019 and Andeol et al. 2021 (Gamma, for inputs of both
signs); Lapuschkin et al. 2019 (Flat). The formulas are zennit's, which the tests compare with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from minidl.relevance.linear_maps import LinearMap

STABILISER = 1e-6
Bounds = tuple[np.ndarray, np.ndarray]
"""Least and largest values of a map's input, which broadcast to it."""


class LayerRule(Protocol):
    """A rule of a linear map; `bounds` are those of x, for rules that need them."""

    def __call__(
        self, map: LinearMap, r: np.ndarray, bounds: Bounds | None = None
    ) -> np.ndarray: ...


def shared(r: np.ndarray, z: np.ndarray, stabiliser: float) -> np.ndarray:
    """r / (z + stabiliser sign(z)), with the sign 1 of 0; 0 where that is 0."""
    if stabiliser == 0:
        zero = z == 0
        return np.where(zero, 0, r / np.where(zero, 1, z)).astype(r.dtype, copy=False)
    return r / (z + np.where(z < 0, -stabiliser, stabiliser).astype(z.dtype))


def plus(a: np.ndarray) -> np.ndarray:
    """max(a, 0)."""
    return np.maximum(a, 0)


def minus(a: np.ndarray) -> np.ndarray:
    """min(a, 0)."""
    return np.minimum(a, 0)


@dataclass(frozen=True)
class Epsilon:
    """Shares by the products x w over their sum with the bias (Bach et al. 2015, eq. 58)."""

    epsilon: float = STABILISER

    def __call__(self, map: LinearMap, r: np.ndarray, bounds: Bounds | None = None) -> np.ndarray:
        z = map.output(map.x, map.weight, map.bias)
        return map.x * map.transposed(shared(r, z, self.epsilon), map.weight)


@dataclass(frozen=True)
class AlphaBeta:
    """Positive and negative products apart (Bach et al. 2015, eq. 60); alpha - beta is 1."""

    alpha: float = 2.0
    beta: float = 1.0
    stabiliser: float = STABILISER

    def __post_init__(self) -> None:
        if not (self.alpha >= 1 and self.beta >= 0 and self.alpha - self.beta == 1):
            raise ValueError(
                f"alpha-beta rule: alpha {self.alpha} and beta {self.beta}; beta must be at least "
                "0 and alpha 1 more, so that relevance is conserved"
            )

    def __call__(self, map: LinearMap, r: np.ndarray, bounds: Bounds | None = None) -> np.ndarray:
        w = plus(map.weight), minus(map.weight)
        b = (None, None) if map.bias is None else (plus(map.bias), minus(map.bias))
        found = self.alpha * _share_of(map, r, w, b[0], self.stabiliser)
        if self.beta:
            found -= self.beta * _share_of(map, r, (w[1], w[0]), b[1], self.stabiliser)
        return found


def _share_of(
    map: LinearMap, r: np.ndarray, weights: tuple[np.ndarray, np.ndarray],
    bias: np.ndarray | None, stabiliser: float,
) -> np.ndarray:  # fmt: skip
    """Shares by the products x+ weights[0] and x- weights[1], with the bias."""
    parts = [(plus(map.x), weights[0])]
    if (map.x < 0).any():  # (behind a ReLU there are none)
        parts.append((minus(map.x), weights[1]))
    z = map.output(*parts[0], bias)
    for x, w in parts[1:]:
        z = z + map.forward(x, w)
    s = shared(r, z, stabiliser)
    found = parts[0][0] * map.transposed(s, parts[0][1])
    for x, w in parts[1:]:
        found += x * map.transposed(s, w)
    return found


@dataclass(frozen=True)
class ZPlus(AlphaBeta):
    """Positive products alone: alpha 1, beta 0 (Montavon et al. 2017)."""

    alpha: float = 1.0
    beta: float = 0.0


@dataclass(frozen=True)
class Gamma:
    """Products of one sign count (1 + gamma) times, that of the output (Montavon et al. 2019)."""

    gamma: float = 0.25
    stabiliser: float = STABILISER

    def __call__(self, map: LinearMap, r: np.ndarray, bounds: Bounds | None = None) -> np.ndarray:
        y = map.output(map.x, map.weight, map.bias)
        w = [map.weight + self.gamma * part(map.weight) for part in (plus, minus)]
        b = [None if map.bias is None else map.bias + self.gamma * part(map.bias)
             for part in (plus, minus)]  # fmt: skip
        found = _share_of(map, np.where(y > 0, r, 0), (w[0], w[1]), b[0], self.stabiliser)
        found += _share_of(map, np.where(y < 0, r, 0), (w[1], w[0]), b[1], self.stabiliser)
        return found


@dataclass(frozen=True)
class Flat:
    """The same share for each element of a window (Lapuschkin et al. 2019)."""

    stabiliser: float = STABILISER

    def __call__(self, map: LinearMap, r: np.ndarray, bounds: Bounds | None = None) -> np.ndarray:
        return _without_x(map, r, np.ones_like(map.weight), None, self.stabiliser)


@dataclass(frozen=True)
class WSquare:
    """Shares by the squares of the weights (Montavon et al. 2017, eq. 13)."""

    stabiliser: float = STABILISER

    def __call__(self, map: LinearMap, r: np.ndarray, bounds: Bounds | None = None) -> np.ndarray:
        bias = None if map.bias is None else map.bias**2
        return _without_x(map, r, map.weight**2, bias, self.stabiliser)


def _without_x(
    map: LinearMap, r: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, stabiliser: float
) -> np.ndarray:
    """Shares by the weights alone, as if x were 1 everywhere."""
    z = map.output(np.ones_like(map.x), weight, bias)
    return map.transposed(shared(r, z, stabiliser), weight)


@dataclass(frozen=True)
class Box:
    """For an input between bounds, such as pixels (Montavon et al. 2017, eq. 15)."""

    stabiliser: float = STABILISER

    def __call__(self, map: LinearMap, r: np.ndarray, bounds: Bounds | None = None) -> np.ndarray:
        if bounds is None:
            raise ValueError(
                "the box rule needs the least and the largest values of its layer's input; give "
                "bounds, or another rule for the first layer"
            )
        low, high = (np.broadcast_to(a, map.x.shape).astype(map.x.dtype) for a in bounds)
        w, b = map.weight, map.bias
        parts = [(map.x, w, b), (low, plus(w), None if b is None else plus(b)),
                 (high, minus(w), None if b is None else minus(b))]  # fmt: skip
        z, *others = [map.output(*part) for part in parts]
        s = shared(r, z - others[0] - others[1], self.stabiliser)
        found, *others = [x * map.transposed(s, weight) for x, weight, _ in parts]
        return found - others[0] - others[1]
