"""Pointing game of an attribution (Zhang, Lin, Brandt, Shen, Sclaroff 2018, "Top-down neural
attention by excitation backprop", section 4.2).

The largest value of a map points at one place. It hits if that place lies on an object of the
class, or within some pixels of it: 15 of an image of a few hundred.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, stats

from zfnet.attribution_checks.maps import require_map

TOLERANCE = 15.0
"""Pixels around the object that count as hits in Zhang et al.'s game."""


@dataclass(frozen=True, eq=False)
class PointingGame:
    """The outcome for each map: hit (N,) bool, and chance (N,), a random place's share of hits."""

    hits: np.ndarray
    chance: np.ndarray

    @property
    def rate(self) -> float:
        """The share of hits."""
        return float(self.hits.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share."""
        return wilson(int(self.hits.sum()), len(self.hits))


def pointing_game(
    attributions: np.ndarray,
    regions: np.ndarray,
    *,
    tolerance: float = TOLERANCE,
    rng: np.random.Generator | None = None,
) -> PointingGame:
    """Whether the largest value of each map lies on, or close to, the object.

    Args:
        attributions: (N,H,W).
        regions:      (N,H,W) bool, True on the objects of the class.
        tolerance:    how many pixels away from the region still hit.
        rng:          draws one of several places with the same largest value (default: seed 0).

    Raises ValueError for shapes that do not fit, no maps, an empty region, or a tolerance below 0.
    """
    if attributions.ndim != 3 or attributions.shape != regions.shape or not len(regions):
        raise ValueError(
            f"attributions of shape {attributions.shape} and regions {regions.shape}: both are "
            "(N,H,W), with at least one map"
        )
    rng = rng or np.random.default_rng(0)
    hits, chance = [], []
    for map, region in zip(attributions, regions, strict=True):
        require_map(map, (1, *map.shape))
        near = near_region(region, tolerance)
        largest = np.flatnonzero(map == map.max())
        hits.append(bool(near.flat[rng.choice(largest)]))
        chance.append(float(near.mean()))
    return PointingGame(np.array(hits), np.array(chance))


def near_region(region: np.ndarray, tolerance: float = TOLERANCE) -> np.ndarray:
    """The places (H,W) bool at most `tolerance` pixels away from a region (H,W) bool."""
    if region.dtype != np.bool_ or not region.any():
        raise ValueError(
            f"a region of {region.dtype}, {int(np.count_nonzero(region))} pixels of it set: a mask "
            "of bool with an object on it is needed"
        )
    if not tolerance >= 0:
        raise ValueError(f"a tolerance of {tolerance} pixels: 0 or more is needed")
    return ndimage.distance_transform_edt(~region) <= tolerance


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of hits."""
    found = stats.binomtest(hits, count).proportion_ci(0.95, "wilson")
    return float(found.low), float(found.high)
