"""The three convolutions in float64 image by image, and the sums that their bounds need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from kernels import ConvGeometry
from kernels.definition.convolution import DEFINITIONS

Factor = Callable[[np.ndarray], np.ndarray]


def parts(
    operation: str, a: np.ndarray, b: np.ndarray, g: ConvGeometry, first: Factor, second: Factor
) -> Iterator[tuple[int | slice, np.ndarray]]:
    """The result of `operation` on first(a) and second(b), in parts, with where each stands.

    `first` and `second` turn planes (N,C,H,W) or the weights into float64. One image's part at a
    time, so that the memory needed does not grow with the batch; the gradient of the weights, a sum
    over the images, comes whole.
    """
    define, one = DEFINITIONS[operation], replace(g, N=1)
    images = [slice(n, n + 1) for n in range(g.N)]
    if operation == "conv2d_wgrad":
        shares = (define(first(a[n]), second(b[n]), one) for n in images)
        yield slice(None), sum(shares, np.zeros(g.w_shape))
        return
    weights = second(b)
    for n, image in enumerate(images):
        yield n, define(first(a[image]), weights, one)[0]


def values(a: np.ndarray) -> np.ndarray:
    """a in float64."""
    return a.astype(np.float64)


def absolutes(a: np.ndarray) -> np.ndarray:
    """Every |a|, float64."""
    return np.abs(a.astype(np.float64))


def plane_maxima(a: np.ndarray) -> np.ndarray:
    """The largest |a| of each plane (...,1,1), float64."""
    return absolutes(a).max(axis=(-2, -1), keepdims=True)


def plane_sums(a: np.ndarray) -> np.ndarray:
    """The sum of each plane's |a| (...,1,1), float64."""
    return absolutes(a).sum(axis=(-2, -1), keepdims=True)


def one_pixel(g: ConvGeometry) -> ConvGeometry:
    """The convolution of the same channels and filters on planes of one pixel."""
    return ConvGeometry.of((g.N, g.C, 1, 1), (g.K, g.C // g.groups, 1, 1), groups=g.groups)
