"""Means over images with bootstrap intervals (Efron 1979); images are the unit.

The same resamples serve every quantity of one number of images, so that differences between methods
are paired: both means of a difference are over the same drawn images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over `count` images and its 95 % interval; low and high are None for one image."""

    mean: float
    low: float | None
    high: float | None
    count: int

    @property
    def sign(self) -> int:
        """1 or -1 where the whole interval is above or below 0, else 0."""
        if self.low is None or self.high is None:
            return 0
        return int(self.low > 0) - int(self.high < 0)


def bootstrap(values: Sequence[float] | np.ndarray, seed: int = 0) -> Interval:
    """The mean of one value an image, with the percentile interval of 2,000 resamples.

    ValueError for no values, or values that are not finite.
    """
    found = _checked(values)
    mean = float(found.mean())
    if len(found) < 2:
        return Interval(mean, None, None, len(found))
    return _percentiles(mean, found[_resamples(len(found), seed)].mean(axis=1), len(found))


def paired(
    a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray, seed: int = 0
) -> Interval:
    """The mean difference a - b, image by image; ValueError for other numbers of images."""
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} images cannot be paired")
    return bootstrap(_checked(a) - _checked(b), seed)


def kept(inside: Sequence[float], floor: Sequence[float], seed: int = 0) -> Interval | None:
    """(mean inside - mean floor) / (1 - mean floor): 0 at the floor, 1 where `inside` is 1.

    None where the floor is 1, so that nothing is left to keep.
    """
    a, b = _checked(inside), _checked(floor)
    if 1 - b.mean() < 1e-6:
        return None
    mean = float((a.mean() - b.mean()) / (1 - b.mean()))
    if len(a) < 2:
        return Interval(mean, None, None, len(a))
    drawn = _resamples(len(a), seed)
    above, below = a[drawn].mean(axis=1), b[drawn].mean(axis=1)
    return _percentiles(mean, (above - below) / np.maximum(1 - below, 1e-6), len(a))


def _checked(values: Sequence[float] | np.ndarray) -> np.ndarray:
    found = np.asarray(values, float)
    if found.ndim != 1 or not len(found) or not np.isfinite(found).all():
        raise ValueError(
            f"values of shape {found.shape}: one finite number for each of at least one image"
        )
    return found


def _percentiles(mean: float, means: np.ndarray, count: int) -> Interval:
    low, high = np.percentile(means, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return Interval(mean, float(low), float(high), count)


@lru_cache(8)
def _resamples(count: int, seed: int) -> np.ndarray:
    """(RESAMPLES, count) positions, drawn with replacement."""
    return np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))
