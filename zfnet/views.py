"""Receptive fields as affine maps from units to windows, through chains and branches.

Unit (p, q) of a layer depends on a window of each layer below: of `shape` pixels, the first at
(p, q) * stride + first. A sliding window widens it (`kernels.contract.geometry.sees`); where two
branches meet again below, both windows are seen.
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
    """A unit's window in a plane; stride (0, 0): the same for all units."""

    stride: Two = (1, 1)
    first: Two = (0, 0)
    shape: Two = (1, 1)

    def at(self, places: np.ndarray) -> np.ndarray:
        """Where the windows of units (p, q) begin: (N,2) -> (N,2)."""
        return np.asarray(places) * np.array(self.stride) + np.array(self.first)

    def box(self, p: int, q: int) -> Box:
        """Unit (p, q)'s window; may reach outside of the plane."""
        (top, left), (h, w) = self.at(np.array([p, q])).tolist(), self.shape
        return Box(top, top + h, left, left + w)

    def through(self, g: Geometry | None) -> View:
        """The window of g's input that this one of its output is computed from."""
        if g is None:
            return self
        seen = g.sees(self.box(0, 0))
        stride = self.stride[0] * g.stride[0], self.stride[1] * g.stride[1]
        return View(stride, (seen.top, seen.left), seen.shape)

    def joined(self, other: View, plane: Two) -> View:
        """Both windows in one; the whole plane (H,W) if they move unlike from unit to unit."""
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
    """What a unit of the last layer of `order` sees of the output of each layer below, by name.

    order:      layers, each after those that feed it. geometries: of those that slide a window.
    planes:     (H,W) of every layer's output, and of what feeds the first.
    """
    found = {order[-1]: View()}
    for name in reversed(order):
        if name not in found:
            continue
        seen = found[name].through(geometries.get(name))
        for source in wiring[name]:
            before = found.get(source)
            found[source] = seen if before is None else before.joined(seen, planes[source])
    return found
