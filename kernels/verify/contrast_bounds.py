"""Rounding bounds of local contrast normalisation, from the parts of its definition."""

from __future__ import annotations

import numpy as np

from kernels.contract.norm_geometry import LCNGeometry
from kernels.definition.normalisation import Contrast


class ContrastBounds(Contrast):
    """The parts of the definition, and how far rounding can move its results.

    calm: no sigma and no c of the image is above the floor, which alone divides.
    """

    def __init__(self, x: np.ndarray, g: LCNGeometry) -> None:
        super().__init__(x, g)
        self.largest = np.abs(self.x).max(axis=(1, 2, 3), keepdims=True, initial=0.0)
        self.calm = (self.d == g.floor).all(axis=(2, 3), keepdims=True)

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
        slope = self.through_root(by_d + self.everywhere(by_d))
        slope = 2 / max(self.g.C, 1) * self.blur_transposed(slope)
        shift = self.blur_transposed(a / self.d + self.g.C * slope * v) / max(self.g.C, 1)
        return 24 * unit * self.condition() * (gy / self.d + slope * v + shift)
