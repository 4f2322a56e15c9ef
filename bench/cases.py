"""What is timed: one operation on one layer with one batch size, by several contenders."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bench.layers import Layer
from kernels import ConvGeometry, memory

OPERANDS = {
    "conv2d": ("x", "w"),
    "conv2d_dgrad": ("gy", "w"),
    "conv2d_wgrad": ("x", "gy"),
}
"""The operations that can be timed and the arrays that each takes before its geometry."""

SEED = 20131112


@dataclass(frozen=True)
class Case:
    """One operation on `batch` images of a layer, float32."""

    operation: str
    layer: Layer
    batch: int

    @property
    def title(self) -> str:
        return f"{self.operation} {self.layer.title}, batch {self.batch}"

    @property
    def geometry(self) -> ConvGeometry:
        return self.layer.geometry(self.batch)

    @property
    def operations(self) -> int:
        """Floating-point operations of the definition, whatever an algorithm needs."""
        return 2 * self.geometry.macs

    @property
    def terms(self) -> int:
        """How many products of the definition are added up in one number of the result."""
        g = self.geometry
        filters, channels = g.K // g.groups, g.C // g.groups
        taps = g.R * g.S
        terms = {"conv2d": channels * taps, "conv2d_dgrad": filters * taps}
        return terms.get(self.operation, g.N * g.P * g.Q)

    @property
    def result_shape(self) -> tuple[int, ...]:
        g = self.geometry
        shapes = {"conv2d": g.y_shape, "conv2d_dgrad": g.x_shape}
        return shapes.get(self.operation, g.w_shape)

    def inputs(self) -> tuple[np.ndarray, ...]:
        """Normal float32 arrays in channels-last memory, which is what kernels take uncopied.

        The same in every process.
        """
        g, rng = self.geometry, np.random.default_rng(SEED)
        shapes = {"x": g.x_shape, "w": g.w_shape, "gy": g.y_shape}
        return tuple(_normal(shapes[name], rng) for name in OPERANDS[self.operation])

    def warm_up(self) -> Case:
        """The same on as few pixels as there can be: compiles the same code."""
        return Case(self.operation, self.layer.smallest(), 1)


def _normal(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    N, C, H, W = shape
    drawn = rng.standard_normal(math.prod(shape), np.float32)
    return memory.nchw(drawn.reshape(N, H, W, C))  # (NHWC,) -> (N,C,H,W)


@dataclass(frozen=True)
class Contender:
    """Who computes: a kernel by its name, or a library with its arrays in one memory layout."""

    library: str
    name: str

    @property
    def title(self) -> str:
        return self.name if self.library == "kernels" else f"{self.library} {self.name}"
