"""Receptive fields as affine maps from units to windows, through chains and branches.

The receptive field of unit (p, q) in a layer below is a window of `shape` pixels with its top left
corner at (p, q) * stride + first. A sliding window widens it
(`kernels.contract.window_geometry`); where two branches meet again below, the field covers the
windows of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kernels.contract.geometry import Box, ConvGeometry, PoolGeometry

Geometry = ConvGeometry | PoolGeometry
Two = tuple[int, int]


@dataclass(frozen=True)
class View:
    """The receptive field of a layer's units in a plane; stride (0, 0): the same for all units."""

    stride: Two = (1, 1)
    first: Two = (0, 0)
    shape: Two = (1, 1)

    def at(self, places: np.ndarray) -> np.ndarray:
        """The top left corners of the windows of units (p, q): (N,2) -> (N,2)."""
        return np.asarray(places) * np.array(self.stride) + np.array(self.first)

    def box(self, p: int, q: int) -> Box:
        """The window of unit (p, q); it may reach outside the plane."""
        (top, left), (h, w) = self.at(np.array([p, q])).tolist(), self.shape
        return Box(top, top + h, left, left + w)

    def through(self, g: Geometry | None) -> View:
        """The window of g's input from which this window of its output is computed."""
        if g is None:
            return self
        window = g.input_box(self.box(0, 0))
        stride = self.stride[0] * g.stride[0], self.stride[1] * g.stride[1]
        return View(stride, (window.top, window.left), window.shape)

    def joined(self, other: View, plane: Two) -> View:
        """One window that covers both; the whole plane (H,W) if their strides differ."""
        a, b = (v.box(0, 0) for v in (self, other))
        if self.stride != other.stride:
            a, b = Box(0, plane[0], 0, plane[1]), Box(0, plane[0], 0, plane[1])
        top, left = min(a.top, b.top), min(a.left, b.left)
        shape = max(a.bottom, b.bottom) - top, max(a.right, b.right) - left
        return View(self.stride if self.stride == other.stride else (0, 0), (top, left), shape)


def views(
    order: Sequence[str],
    wiring: Mapping[str, Sequence[str]],
    geometries: Mapping[str, Geometry],
    planes: Mapping[str, Two],
) -> dict[str, View]:
    """The receptive field of the last layer of `order` in the output of each layer below, by name.

    order:      layers, each after its inputs. geometries: of those that slide a window.
    planes:     (H,W) of every layer's output, and of the first layer's input.
    """
    found = {order[-1]: View()}
    for name in reversed(order):
        if name not in found:
            continue
        window = found[name].through(geometries.get(name))
        for source in wiring[name]:
            before = found.get(source)
            found[source] = window if before is None else before.joined(window, planes[source])
    return found
