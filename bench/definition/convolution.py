"""The three convolutions in float64.

The loops run over images and over the taps (r, s) of the window. The pixels under one tap are a
strided slice of the padded plane, and the sum over channels is a matrix product of NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from kernels import ConvGeometry, PoolGeometry

Product = Callable[[np.ndarray, np.ndarray, ConvGeometry], np.ndarray]
ToFloat64 = Callable[[np.ndarray], np.ndarray]


def fprop(x: np.ndarray, w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """x (C,H,W), w (K,C/groups,R,S) -> y (K,P,Q), float64."""
    planes, y = _pad(x, g), np.zeros((g.K, g.P, g.Q))
    for r, s, pixels in taps(planes, g):
        for filters, channels in _groups(g):
            # (K/G,C/G) x (C/G,P,Q) -> (K/G,P,Q)
            y[filters] += np.tensordot(w[filters, :, r, s], pixels[channels], 1)
    return y


def dgrad(gy: np.ndarray, w: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """gy (K,P,Q), w (K,C/groups,R,S) -> gx (C,H,W), float64."""
    planes = _pad(np.zeros((g.C, g.H, g.W)), g)
    for r, s, pixels in taps(planes, g):
        for filters, channels in _groups(g):
            # (C/G,K/G) x (K/G,P,Q) -> (C/G,P,Q)
            pixels[channels] += np.tensordot(w[filters, :, r, s].T, gy[filters], 1)
    top, _, left, _ = g.padding
    return planes[:, top : top + g.H, left : left + g.W]


def wgrad(x: np.ndarray, gy: np.ndarray, g: ConvGeometry) -> np.ndarray:
    """x (C,H,W), gy (K,P,Q) -> this image's term of gw (K,C/groups,R,S), float64."""
    planes, gw = _pad(x, g), np.zeros(g.w_shape)
    for r, s, pixels in taps(planes, g):
        for filters, channels in _groups(g):
            # (K/G,P,Q) x (C/G,P,Q) -> (K/G,C/G)
            gw[filters, :, r, s] = np.tensordot(gy[filters], pixels[channels], ((1, 2), (1, 2)))
    return gw


PRODUCTS: dict[str, Product] = {"conv2d": fprop, "conv2d_dgrad": dgrad, "conv2d_wgrad": wgrad}


def parts(
    operation: str,
    a: np.ndarray,
    b: np.ndarray,
    g: ConvGeometry,
    of_image: ToFloat64,
    of_weights: ToFloat64,
) -> Iterator[tuple[int | slice, np.ndarray]]:
    """(index, part) of the result of `operation` on of_image(a) and of_weights(b).

    `of_image` and `of_weights` map one image's planes, or the weights, to float64. A part is one
    image's result, so that memory does not grow with the batch. The gradient of the weights, a sum
    over the images, is one part.
    """
    product = PRODUCTS[operation]
    if operation == "conv2d_wgrad":
        shares = (product(of_image(a[n]), of_weights(b[n]), g) for n in range(g.N))
        yield slice(None), sum(shares, np.zeros(g.w_shape))
        return
    weights = of_weights(b)
    for n in range(g.N):
        yield n, product(of_image(a[n]), weights, g)


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


def _pad(planes: np.ndarray, g: ConvGeometry) -> np.ndarray:
    top, bottom, left, right = g.padding
    return np.pad(planes, ((0, 0), (top, bottom), (left, right)))


def taps(
    planes: np.ndarray, g: ConvGeometry | PoolGeometry
) -> Iterator[tuple[int, int, np.ndarray]]:
    """(r, s, view (...,P,Q) of padded planes (...,H,W): the pixels under tap (r, s) of windows)."""
    (sh, sw), (dh, dw) = g.stride, g.dilation
    for r, s in np.ndindex(g.R, g.S):
        rows = slice(r * dh, r * dh + (g.P - 1) * sh + 1, sh)
        columns = slice(s * dw, s * dw + (g.Q - 1) * sw + 1, sw)
        yield r, s, planes[..., rows, columns]


def _groups(g: ConvGeometry) -> Iterator[tuple[slice, slice]]:
    """The filters and the channels of each group."""
    filters, channels = g.K // g.groups, g.C // g.groups
    for i in range(g.groups):
        yield slice(i * filters, (i + 1) * filters), slice(i * channels, (i + 1) * channels)
