"""Attributions as maps (H,W): checks, and baselines that do not use the network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage


def require_map(attribution: np.ndarray, shape: Sequence[int]) -> None:
    """ValueError unless it is a map (H,W) of finite numbers for an image (C,H,W)."""
    if len(shape) != 3 or attribution.shape != tuple(shape[1:]):
        raise ValueError(
            f"an attribution of shape {attribution.shape} for an image {tuple(shape)}: (H,W) of "
            "the image (C,H,W) is needed; sum over the channels first"
        )
    require_finite(attribution)


def require_finite(attribution: np.ndarray) -> None:
    """ValueError for NaN and infinities, which have no rank."""
    bad = int(attribution.size - np.isfinite(attribution).sum())
    if bad:
        raise ValueError(
            f"{bad} of {attribution.size} values of an attribution are NaN or infinite"
        )


def random_map(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Uniform noise (H,W) for an image (C,H,W): pixels in random order."""
    return rng.random(image.shape[1:], np.float32)


def edges(image: np.ndarray) -> np.ndarray:
    """The magnitude (H,W) of Sobel's gradient of an image (C,H,W), its channels averaged.

    Adebayo et al. 2018 compare with an edge detector: it shows the image and knows no network.
    """
    grey = image.mean(axis=0)
    return np.hypot(*(ndimage.sobel(grey, axis, mode="nearest") for axis in (0, 1)))


def centre(image: np.ndarray) -> np.ndarray:
    """A Gaussian hill (H,W) over the middle of an image (C,H,W), a quarter of the side wide.

    Photographers centre what they photograph, so that the middle is hard to beat.
    """
    rows, columns = ((np.arange(side) - (side - 1) / 2) / (side / 4) for side in image.shape[1:])
    return np.exp(-(rows[:, None] ** 2 + columns**2) / 2).astype(np.float32)
