"""Calls of patches, of concatenation and of plane maxima, which only move and compare values."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.contract.plane_geometry import ConcatenateGeometry, PatchGeometry
from kernels.contract.registry import Kernel
from kernels.verify.arrays import pairs, small
from kernels.verify.calls import Bounds, Call, Operation, Results, operation
from kernels.verify.geometries import counts

Shape = tuple[int, ...]
FILL = st.sampled_from([0.0, 1.0, -0.5, float(np.finfo(np.float32).min)])
"""Values that float32 represents exactly."""


class Patches(Operation):
    """Patches begin before, inside or beyond the plane."""

    origins: tuple[str, ...] = ("at",)

    def options(self, kernel: Kernel, g: PatchGeometry) -> dict[str, st.SearchStrategy[Any]]:
        return {"fill": FILL}

    def fill(
        self, g: PatchGeometry, fill: str, rng: np.random.Generator, dtype: Any
    ) -> dict[str, np.ndarray]:
        most = max(g.H, g.W, 1)
        made = super().fill(g, fill, rng, dtype)
        for name in self.origins:
            made[name] = rng.integers(-max(g.h, g.w), most + 1, (g.N, 2))
        return {name: made[name] for name in self.order(g)}

    def order(self, g: PatchGeometry) -> tuple[str, ...]:
        """The names of the inputs in the order of a kernel's parameters."""
        return "x", "at"


@operation
class PatchesGather(Patches):
    name, origins = "patches_gather", ("at", "part_at")

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[PatchGeometry]:
        N, C, side = (counts(1, 4), counts(1, 70), 24) if large else (counts(0, 3), counts(0, 9), 5)
        shapes = st.tuples(N, C, pairs(1, side), pairs(1, side), pairs(0, side), st.booleans())
        return shapes.map(lambda drawn: _patches(*drawn))

    def shapes(self, g: PatchGeometry) -> dict[str, Shape]:
        return {"x": g.x_shape, "part": g.part_shape}

    def order(self, g: PatchGeometry) -> tuple[str, ...]:
        return "x", "at", "part", "part_at"


def _patches(
    N: int, C: int, plane: tuple[int, int], shape: tuple[int, int], part: tuple[int, int], one: bool
) -> PatchGeometry:
    return PatchGeometry.of((1 if one else N, C, *plane), N, shape, part)


@operation
class PatchesFill(Patches):
    name = "patches_fill"

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[PatchGeometry]:
        N, C, side = (counts(1, 4), counts(1, 70), 24) if large else (counts(0, 3), counts(0, 9), 5)
        shapes = st.tuples(N, C, pairs(1, side), pairs(1, side))
        return shapes.map(lambda drawn: _patches(*drawn, (0, 0), False))

    def shapes(self, g: PatchGeometry) -> dict[str, Shape]:
        return {"x": g.y_shape}


@operation
class Concatenate(Operation):
    """Its geometry has the number of arrays, named `x0`, `x1` and so on."""

    name = "concatenate"

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[ConcatenateGeometry]:
        N, each, side = (counts(1, 4), small(1, 70), 20) if large else (small(0, 3), small(0, 9), 4)
        channels = st.lists(each, min_size=1, max_size=4).map(tuple)
        return st.builds(ConcatenateGeometry, N, channels, small(1, side), small(1, side))

    def shapes(self, g: ConcatenateGeometry) -> dict[str, Shape]:
        return {f"x{i}": shape for i, shape in enumerate(g.x_shapes)}

    def in_float64(self, call: Call) -> Results:
        return (np.concatenate([a.astype(np.float64) for a in call.inputs.values()], axis=1),)


@operation
class PlaneMax(Operation):
    """Its geometry is the shape of x, which is not passed to the kernel."""

    name = "plane_max"
    returns = "values (N,C)", "places (N,C) int32"

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[Shape]:
        if large:
            return st.tuples(counts(1, 5), counts(1, 300), small(1, 20), small(1, 20))
        return st.tuples(counts(0, 3), counts(0, 9), small(1, 5), small(1, 5))

    def shapes(self, g: Shape) -> dict[str, Shape]:
        return {"x": g}

    def arguments(self, call: Call) -> tuple[Any, ...]:
        return tuple(call.inputs.values())

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        return 0.0, 0.0
