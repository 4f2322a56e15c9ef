"""Convolutions and pools in one, two and three dimensions, tap by tap, in float64.

The definition for any number of axes: y[n, k, p] = sum over c and taps r of
x[n, c, p stride + r dilation - padding] w[k, c, r], and its transpose.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Axes = tuple[int, ...]


@dataclass(frozen=True)
class Window:
    """A window over planes of any number of axes, each setting with a number for each axis."""

    size: Axes
    stride: Axes
    padding: Axes
    dilation: Axes
    groups: int = 1

    def outputs(self, planes: Axes) -> Axes:
        """Positions of the window on padded planes of that size."""
        return tuple(
            (n + 2 * pad - (r - 1) * d - 1) // s + 1
            for n, pad, r, d, s in zip(
                planes, self.padding, self.size, self.dilation, self.stride, strict=True
            )
        )

    def taps(self, positions: Axes) -> Iterator[tuple[Axes, tuple[slice, ...]]]:
        """Each tap, and the pixels of the padded plane below it for all positions."""
        for tap in itertools.product(*map(range, self.size)):
            yield (
                tap,
                tuple(
                    slice(r * d, r * d + (p - 1) * s + 1, s)
                    for r, d, p, s in zip(tap, self.dilation, positions, self.stride, strict=True)
                ),
            )


def under(a: np.ndarray, last: Sequence[Any]) -> np.ndarray:
    """The part of an array at these indices of its last axes; a view, if they are slices."""
    index: tuple[Any, ...] = (..., *last)
    part: np.ndarray = a[index]
    return part


def padded(x: np.ndarray, window: Window, value: float = 0.0) -> np.ndarray:
    """x (N,C,...) with its planes padded."""
    pads = [(0, 0), (0, 0), *((pad, pad) for pad in window.padding)]
    return np.pad(x, pads, constant_values=value)


def convolution(x: np.ndarray, w: np.ndarray, window: Window) -> np.ndarray:
    """x (N,C,...), w (K,C/G,taps...) -> y (N,K,...)."""
    G, (N, C), K = window.groups, x.shape[:2], w.shape[0]
    positions = window.outputs(x.shape[2:])
    planes = padded(x, window)
    planes = planes.reshape(N, G, C // G, *planes.shape[2:])  # (N,C,...) -> (N,G,C/G,...)
    y = np.zeros((N, G, K // G, math.prod(positions)))
    for tap, pixels in window.taps(positions):
        filters = under(w, tap).reshape(G, K // G, -1)  # (K,C/G) -> (G,K/G,C/G)
        part = under(planes, pixels).reshape(N, G, C // G, -1)  # (N,G,C/G,...) -> (N,G,C/G,all)
        y += filters @ part  # (G,K/G,C/G) x (N,G,C/G,all) -> (N,G,K/G,all)
    return y.reshape(N, K, *positions)  # (N,G,K/G,all) -> (N,K,...)


def transposed(x: np.ndarray, w: np.ndarray, window: Window, more: Axes) -> np.ndarray:
    """x (N,K,...), w (K,C/G,taps...) -> (N,C,...), `more` pixels at the end of each axis."""
    G, N, K = window.groups, x.shape[0], w.shape[0]
    C = w.shape[1] * G
    full = tuple(
        (p - 1) * s + (r - 1) * d + 1 + m
        for p, s, r, d, m in zip(
            x.shape[2:], window.stride, window.size, window.dilation, more, strict=True
        )
    )
    values = x.reshape(N, G, K // G, -1)  # (N,K,...) -> (N,G,K/G,all)
    y = np.zeros((N, G, C // G, *full))
    for tap, pixels in window.taps(x.shape[2:]):
        filters = under(w, tap).reshape(G, K // G, -1)  # (K,C/G) -> (G,K/G,C/G)
        pixel = under(y, pixels)  # a view
        terms = filters.swapaxes(1, 2) @ values  # (G,C/G,K/G) x (N,G,K/G,all) -> (N,G,C/G,all)
        pixel += terms.reshape(N, G, C // G, *x.shape[2:])  # (N,G,C/G,all) -> (N,G,C/G,...)
    y = y.reshape(N, C, *full)  # (N,G,C/G,...) -> (N,C,...)
    inside = tuple(slice(pad, n - pad) for pad, n in zip(window.padding, full, strict=True))
    return under(y, inside)


def maximum(x: np.ndarray, window: Window) -> np.ndarray:
    """The largest value under each window; padding is below all values."""
    positions = window.outputs(x.shape[2:])
    planes, y = padded(x, window, -np.inf), np.full((*x.shape[:2], *positions), -np.inf)
    for _, pixels in window.taps(positions):
        y = np.maximum(y, under(planes, pixels))
    return y


def average(x: np.ndarray, window: Window, counts_padding: bool) -> np.ndarray:
    """The mean under each window, of the pixels of the plane, or of the padding too."""
    positions = window.outputs(x.shape[2:])

    def total(a: np.ndarray) -> np.ndarray:
        planes = padded(a, window)
        return sum((under(planes, pixels) for _, pixels in window.taps(positions)),
                   np.zeros((*a.shape[:2], *positions)))  # fmt: skip

    count = float(np.prod(window.size)) if counts_padding else total(np.ones_like(x))
    averaged: np.ndarray = total(x) / count
    return averaged
