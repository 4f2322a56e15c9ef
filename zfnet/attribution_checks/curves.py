"""Deletion and insertion curves of an attribution (Petsiuk, Das, Saenko 2018, "RISE", section 4.3).

Pixels are taken in the order of the attribution, the largest first. Deletion replaces them in the
image: if the attribution names the pixels that the score comes from, the score falls early and the
area under the curve is small. Insertion copies them into an image without information, such as a
blurred one: the score rises early and the area is large.

A pixel is one place of the plane: all channels of it are replaced together. Places of equal
attribution are taken in a random order, since the order of memory would favour a corner.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from zfnet.attribution_checks.maps import require_map

Score = Callable[[np.ndarray], np.ndarray]
"""Images (N,C,H,W) -> the score of each, (N,)."""
STEPS = 32
BLUR = 1 / 22
"""Standard deviation of the usual blur as a share of the image's side: 10 pixels of 224."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Scores by the share of replaced pixels, which goes from 0 to 1; both are (steps + 1,)."""

    share: np.ndarray
    score: np.ndarray

    @property
    def area(self) -> float:
        """The area under the curve by the trapezoidal rule: the mean score over all shares."""
        return float(np.trapezoid(self.score, self.share))


def deletion_curve(
    score: Score,
    image: np.ndarray,
    attribution: np.ndarray,
    *,
    replacement: np.ndarray | float = 0.0,
    steps: int = STEPS,
    batch_size: int = 64,
    rng: np.random.Generator | None = None,
) -> Curve:
    """The score as pixels of the image are replaced, those of the largest attribution first.

    Args:
        score:       of images (N,C,H,W), for example the probability of one class.
        image:       (C,H,W), as the score's function takes it.
        attribution: (H,W); the sum over channels, if a method gives one value for each.
        replacement: what a deleted pixel becomes: a number, (C,1,1), or another image (C,H,W).
        steps:       how many times pixels are replaced; as many each time, up to rounding.
        rng:         draws the order of places of equal attribution (default: seed 0).

    Raises ValueError for shapes that do not fit, an attribution with NaN or infinite values, or
    fewer than one step.
    """
    end = _image_like(image, replacement, "the replacement")
    return _curve(score, image, end, attribution, steps, batch_size, rng)


def insertion_curve(
    score: Score,
    image: np.ndarray,
    attribution: np.ndarray,
    *,
    start: np.ndarray | float | None = None,
    steps: int = STEPS,
    batch_size: int = 64,
    rng: np.random.Generator | None = None,
) -> Curve:
    """The score as the image's pixels are copied into `start`, the largest attribution first.

    start: a number, (C,1,1), or an image (C,H,W); None: the image blurred (`blurred`). The other
    arguments and the errors are those of `deletion_curve`.
    """
    begin = blurred(image) if start is None else _image_like(image, start, "the start")
    return _curve(score, begin, image, attribution, steps, batch_size, rng)


def blurred(image: np.ndarray, sigma: float | None = None) -> np.ndarray:
    """An image (C,H,W) behind a Gaussian filter of `sigma` pixels, the border repeated.

    None: `BLUR` of the longer side, at which a network no longer knows most objects.
    """
    width = BLUR * max(image.shape[1:]) if sigma is None else sigma
    return ndimage.gaussian_filter(image, (0, width, width), mode="nearest")


def falling_order(attribution: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
    """Places (H*W,) of an attribution (H,W) from the largest to the smallest; ties at random."""
    flat = attribution.reshape(-1)  # (H,W) -> (H*W,)
    rng = rng or np.random.default_rng(0)
    return np.lexsort((rng.permutation(flat.size), -flat))


def _curve(
    score: Score,
    begin: np.ndarray,
    end: np.ndarray,
    attribution: np.ndarray,
    steps: int,
    batch_size: int,
    rng: np.random.Generator | None,
) -> Curve:
    """Scores while the pixels of `end` replace those of `begin`."""
    require_map(attribution, begin.shape)
    if steps < 1 or batch_size < 1:
        raise ValueError(f"{steps} steps in batches of {batch_size}: at least one of each")
    order = falling_order(attribution, rng)
    counts = np.rint(np.linspace(0, order.size, steps + 1)).astype(int)
    rank = np.argsort(order).reshape(attribution.shape)  # (H*W,) -> (H,W)
    scores = []
    for first in range(0, steps + 1, batch_size):
        some = counts[first : first + batch_size, None, None, None]  # (T,) -> (T,1,1,1)
        scores.append(score(np.where(rank < some, end, begin)))  # -> (T,C,H,W)
    found = np.concatenate(scores)
    if found.shape != (steps + 1,):
        raise ValueError(
            f"the score of {steps + 1} images has the shape {found.shape}: one number for each"
        )
    return Curve(counts / order.size, found.astype(float))


def _image_like(image: np.ndarray, given: np.ndarray | float, what: str) -> np.ndarray:
    """`given` over the whole image, with its dtype."""
    if image.ndim != 3:
        raise ValueError(f"an image of shape {image.shape}: one image (C,H,W) is taken")
    try:
        return np.broadcast_to(np.asarray(given, image.dtype), image.shape)
    except ValueError:
        raise ValueError(
            f"{what} of shape {np.shape(given)} does not fit the image's {image.shape}"
        ) from None
