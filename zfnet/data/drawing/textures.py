"""Textures: noise on periodic tiles, and patterns given by a formula.

A texture is a continuous one averaged over pixels, so that the same scene can be drawn at any size.
Noise tiles are filtered with the box of one pixel in the frequency domain (their spectrum times a
sinc); stripes are averaged over one pixel by their integral. Sampling a tile is one gather without
interpolation: it has 256 texels for each side of an image.
"""

from functools import lru_cache

import numpy as np

from zfnet.data.drawing.shapes import Plane

TEXELS = 256  # texels for each image side
TILE = 2 * TEXELS  # a tile repeats after two image sides
NOISES = ("clouds", "blotches", "fibres", "grain")


def _spectral_noise(seed: int, low: float, high: float, slope: float, stretch: float) -> Plane:
    """Gaussian noise with power f^-2 slope between `low` and `high` cycles an image side."""
    rng = np.random.Generator(np.random.PCG64(seed))
    spectrum = np.fft.rfft2(rng.standard_normal((TILE, TILE)))
    fy = np.fft.fftfreq(TILE, 1 / TEXELS)[:, None]
    fx = np.fft.rfftfreq(TILE, 1 / TEXELS)[None, :] * stretch
    f = np.hypot(fy, fx)
    band = (f >= low) & (f <= high)
    noise = np.fft.irfft2(spectrum * band * np.maximum(f, 1e-3) ** -slope, s=(TILE, TILE))
    return noise / noise.std()


@lru_cache(maxsize=len(NOISES))
def _noise(kind: str) -> Plane:
    """The continuous texture at the resolution of TEXELS; within [-1, 1]."""
    if kind == "clouds":
        return np.tanh(0.7 * _spectral_noise(11, 1.0, 24.0, 1.6, 1.0))
    if kind == "blotches":
        return np.tanh(4.0 * _spectral_noise(12, 3.0, 14.0, 1.2, 1.0))
    if kind == "fibres":
        return np.tanh(0.8 * _spectral_noise(13, 3.0, 40.0, 0.9, 7.0))
    return np.tanh(0.7 * _spectral_noise(14, 6.0, 48.0, 0.5, 1.0))


@lru_cache(maxsize=64)
def noise_tile(kind: str, size: int) -> Plane:
    """Noise averaged over pixels of 1 / size image sides: (TILE, TILE) float32, read-only."""
    fy, fx = np.fft.fftfreq(TILE, 1 / TEXELS), np.fft.rfftfreq(TILE, 1 / TEXELS)
    pixel = np.sinc(fy / size)[:, None] * np.sinc(fx / size)[None, :]
    tile = np.fft.irfft2(np.fft.rfft2(_noise(kind)) * pixel, s=(TILE, TILE)).astype(np.float32)
    tile.flags.writeable = False
    return tile


def sample(kind: str, size: int, x: Plane, y: Plane) -> Plane:
    """Noise at the points (x, y), in image sides and of shapes that broadcast, in [-1, 1]."""
    column = np.floor(x * TEXELS).astype(np.intp) & (TILE - 1)
    row = np.floor(y * TEXELS).astype(np.intp) & (TILE - 1)
    return noise_tile(kind, size).ravel().take(row * TILE + column)


def stripes(along: Plane, period: float, share: float, pixel: float) -> Plane:
    """Stripes across `along`: 1 on `share` of each period, 0 elsewhere, averaged over `pixel`."""
    width = pixel / period
    start = along / period - 0.5 * width
    return (_stripe_integral(start + width, share) - _stripe_integral(start, share)) / width


def _stripe_integral(x: Plane, share: float) -> Plane:
    whole = np.floor(x)
    return whole * share + np.minimum(x - whole, share)


def checks(u: Plane, v: Plane, period: float, pixel: float) -> Plane:
    """A chessboard with squares of half a period."""
    a, b = stripes(u, period, 0.5, pixel), stripes(v, period, 0.5, pixel)
    return a + b - 2 * a * b


def dots(u: Plane, v: Plane, period: float, radius: float, pixel: float) -> Plane:
    """Dots on a grid whose odd rows are shifted by half a period."""
    q = v / period
    row = np.rint(q)
    p = u / period + 0.5 * row
    p, q = p - np.rint(p), q - row
    distance = np.sqrt(p * p + q * q) * period - radius
    return np.minimum(np.maximum(0.5 - distance / pixel, 0), 1)


def bricks(u: Plane, v: Plane, period: float, pixel: float) -> Plane:
    """Mortar between bricks that are a period wide and half a period high: 1 on mortar."""
    height = 0.5 * period
    shift = 0.5 * period * np.floor(v / height)
    rows = stripes(v, height, 0.2, pixel)
    return np.maximum(rows, stripes(u + shift, period, 0.1, pixel))


def scales(u: Plane, v: Plane, period: float, pixel: float) -> Plane:
    """Overlapping scales that open towards positive u: 1 on their rims."""
    column = np.floor(u / period)
    p = u / period - column
    q = v / period + 0.5 * column
    q = q - np.rint(q)
    rim = np.abs(p - 0.95 + 1.6 * q * q) * period - 0.1 * period
    return np.minimum(np.maximum(0.5 - rim / pixel, 0), 1)
