"""Gradients at several points: SmoothGrad and its squares, and integrated gradients.

    SmoothGrad (Smilkov et al. 2017)              mean over j of g(x + noise_j)
    squared (Hooker et al. 2019)                  mean of g(x + noise_j)^2
    VarGrad (Adebayo et al. 2018)                 mean of g^2 less the square of the mean of g
    integrated gradients (Sundararajan et al. 2017)
        (x - x0) times the integral of g(x0 + a (x - x0)) over a from 0 to 1

g is the gradient of the unit's value. The noise is normal, with a deviation that is a share of the
image's range. The integral is Gauss and Legendre's sum, as in Captum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from zfnet.attribution.method import Found, number, whole
from zfnet.attribution.passes import Question, in_batches, of_variants, values_at

Fold = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Of the means of g and of g^2, the result."""


def smoothed(fold: Fold, question: Question, *, smooth: Any, sigma: Any, seed: Any) -> Found:
    """The means over `smooth` noisy copies of each image.

    sigma: the noise's deviation as a share of the image's range. seed: of the noise; image n of
    the batch has a stream of its own, so that the batch's size changes nothing.
    """
    count = whole(smooth, "smooth", "noisy copies")
    share, key = number(sigma, "sigma"), int(number(seed, "seed"))
    x = question.images

    def noisy(n: int) -> Iterator[np.ndarray]:
        rng = np.random.Generator(np.random.Philox(key=np.array([key, n], np.uint64)))
        deviation = share * float(x[n].max() - x[n].min())
        for _ in range(count):
            yield x[n] + deviation * rng.standard_normal(x[n].shape, np.float32)

    total, squares = np.zeros(x.shape, np.float64), np.zeros(x.shape, np.float64)
    for n, _, gx in of_variants(question, "noisy copies", count, noisy):
        total[n] += gx
        squares[n] += np.square(gx, dtype=np.float64)
    return Found(fold(total / count, squares / count))


def integrated(question: Question, *, steps: Any, baseline: Any) -> Found:
    """Integrated gradients from `baseline` in `steps` points; the gap is what their sum lacks of
    the difference of the unit's values."""
    count, x = whole(steps, "steps", "points"), question.images
    start = baselines(question, baseline)
    nodes, weights = np.polynomial.legendre.leggauss(count)  # on -1 to 1
    shares, weights = (1 + nodes) / 2, weights / 2

    def between(n: int) -> Iterator[np.ndarray]:
        return (start[n] + float(a) * (x[n] - start[n]) for a in shares)

    total = np.zeros(x.shape, np.float64)
    for n, j, gx in of_variants(question, "points of the integral", count, between):
        total[n] += weights[j] * gx
    values = (x - start) * total
    rise = np.zeros(len(x), np.float64)
    both = in_batches(
        question, "baselines", lambda some: values_at(some, some.images).astype(np.float64)
    )
    for where, found in both:
        rise[where] = found - values_at(question.at(range(len(x))[where]), start[where])
    return Found(values, rise - values.sum(axis=(1, 2, 3)))


BASELINES = ("mean", "black", "white")


def baselines(question: Question, baseline: Any) -> np.ndarray:
    """The images (N,3,S,S) from which the integral starts: "mean", "black" or "white", a number, or
    an array that broadcasts to them; ValueError for anything else."""
    x, given = question.images, baseline
    if isinstance(given, str):
        if given not in BASELINES or (given != "mean" and question.bounds is None):
            raise ValueError(
                f"baseline is {given!r}: it takes {', '.join(BASELINES)}, a number, or an array; "
                "black and white need a network with its preprocessing"
            )
        low, high = question.bounds or (0, 0)
        given = {"mean": 0, "black": low, "white": high}[given]
    try:
        start = np.broadcast_to(np.asarray(given, x.dtype), x.shape)
    except (TypeError, ValueError):
        raise ValueError(
            f"baseline {np.shape(given)} does not broadcast to the images {x.shape}"
        ) from None
    if not np.isfinite(start).all():
        raise ValueError("baseline has values that are no finite numbers")
    return start
