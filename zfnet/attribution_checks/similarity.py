"""Similarity of two attributions as Adebayo et al. 2018 measure it ("Sanity Checks for Saliency
Maps", section 3.2): rank correlation with and without sign, SSIM, and correlation of HOG features.

All four are 1 for equal maps. A map without variation, such as one of zeros, has no ranks and no
edges: its similarity to any other map is 0.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy import ndimage, stats

from zfnet.attribution_checks.maps import require_finite

SSIM_WINDOW = 7
ORIENTATIONS = 9
CELLS = 14
"""Cells of HOG along one side: 16 pixels each in an image of 224."""


@dataclass(frozen=True)
class Similarity:
    """Similarity of two maps.

    absolute: Spearman's rank correlation of the absolute values.
    signed:   Spearman's rank correlation of the values.
    ssim:     structural similarity (Wang et al. 2004) of the absolute values, each scaled to 0..1.
    hog:      Pearson's correlation of the histograms of oriented gradients of the same.
    """

    absolute: float
    signed: float
    ssim: float
    hog: float


NAMES = tuple(field.name for field in fields(Similarity))


def similarity(a: np.ndarray, b: np.ndarray) -> Similarity:
    """The similarity of two maps (H,W); ValueError for other shapes, NaN or infinities."""
    if a.ndim != 2 or a.shape != b.shape or min(a.shape) < SSIM_WINDOW:
        raise ValueError(
            f"maps of shapes {a.shape} and {b.shape} cannot be compared: two of one shape (H,W), "
            f"at least {SSIM_WINDOW} pixels a side, are needed"
        )
    require_finite(a)
    require_finite(b)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return Similarity(0.0, 0.0, 0.0, 0.0)
    p, q = to_unit(a), to_unit(b)
    return Similarity(spearman(np.abs(a), np.abs(b)), spearman(a, b), ssim(p, q),
                      _pearson(hog(p), hog(q)))  # fmt: skip


def to_unit(map: np.ndarray) -> np.ndarray:
    """The absolute values, scaled so that the smallest is 0 and the largest 1, in float64."""
    size = np.abs(map.astype(float))
    low, high = size.min(), size.max()
    return (size - low) / (high - low) if high > low else np.zeros_like(size)


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rank correlation, equal values with their mean rank; 0 without variation."""
    return _pearson(*(stats.rankdata(map, axis=None) for map in (a, b)))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Mean structural similarity of maps (H,W) in 0..1 (Wang et al. 2004, equation 13).

    Windows of 7 x 7 pixels that lie inside, each pixel weighted alike, with the unbiased variance:
    `skimage.metrics.structural_similarity` with a data range of 1.
    """
    n = SSIM_WINDOW**2
    ma, mb, aa, bb, ab = map(_window_mean, (a, b, a * a, b * b, a * b))
    va, vb, cov = (n / (n - 1) * moment for moment in (aa - ma * ma, bb - mb * mb, ab - ma * mb))
    c1, c2 = 0.01**2, 0.03**2
    above, below = (2 * ma * mb + c1) * (2 * cov + c2), (ma**2 + mb**2 + c1) * (va + vb + c2)
    edge = SSIM_WINDOW // 2
    return float((above / below)[edge:-edge, edge:-edge].mean())


def hog(map: np.ndarray) -> np.ndarray:
    """Histograms of oriented gradients of a map (H,W), for each cell one of 9 directions, flat.

    Dalal and Triggs 2005: central differences, unsigned directions of 20 degrees, weighted by the
    magnitude; cells of 1/14 of the side (at least 4 pixels), each normalised with its 3 x 3
    neighbours (L2-Hys), as in `skimage.feature.hog`.
    """
    gy, gx = (_central(map, axis) for axis in (0, 1))
    direction = np.rad2deg(np.arctan2(gy, gx)) % 180
    bins = np.minimum((direction * ORIENTATIONS / 180).astype(int), ORIENTATIONS - 1)
    size = max(4, round(max(map.shape) / CELLS))
    rows, columns = (max(side // size, 1) for side in map.shape)
    r, c = (np.minimum(np.arange(side) // size, count) for side, count in
            zip(map.shape, (rows, columns), strict=True))  # fmt: skip
    histogram = np.zeros((rows + 1, columns + 1, ORIENTATIONS))  # (a last cell for what is over)
    np.add.at(histogram, (r[:, None], c[None, :], bins), np.hypot(gy, gx))
    return _normalised(histogram[:rows, :columns] / size**2)


def _central(map: np.ndarray, axis: int) -> np.ndarray:
    """Differences of the neighbours along an axis, 0 at the border."""
    found = np.zeros_like(map)
    inner = [slice(None), slice(None)]
    inner[axis] = slice(1, -1)
    later, earlier = (np.delete(map, ends, axis) for ends in ([0, 1], [-2, -1]))
    found[tuple(inner)] = later - earlier
    return found


def _normalised(histogram: np.ndarray) -> np.ndarray:
    """Blocks of 3 x 3 cells, each L2-normalised, clipped at 0.2 and normalised again, flat."""
    block = tuple(min(3, side) for side in histogram.shape[:2])
    blocks = np.lib.stride_tricks.sliding_window_view(histogram, block, axis=(0, 1))
    flat = np.moveaxis(blocks, 2, -1).reshape(*blocks.shape[:2], -1)  # (R,C,9,3,3) -> (R,C,81)
    clipped = np.minimum(_unit_length(flat), 0.2)
    return _unit_length(clipped).ravel()


def _unit_length(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.sqrt((vectors**2).sum(axis=-1, keepdims=True) + 1e-10)


def _window_mean(map: np.ndarray) -> np.ndarray:
    return ndimage.uniform_filter(map, SSIM_WINDOW)


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation of flat arrays; 0 where one has no variation."""
    p, q = a - a.mean(), b - b.mean()
    length = float(np.sqrt((p @ p) * (q @ q)))
    return float(p @ q) / length if length > 0 else 0.0
