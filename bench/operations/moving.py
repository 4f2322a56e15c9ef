"""Patches, concatenation along channels, the maxima of planes.

Bounded by memory: they move and compare values, and results are bitwise equal to the definition.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.cases import Case
from bench.layers import Cut, Joined, Rectified
from bench.operations.one_array import OneArray
from bench.operations.operation import (
    Call,
    Inputs,
    KernelOperation,
    Output,
    Part,
    Tensors,
    at_most,
    generator,
    normal,
    operation,
)
from kernels.contract.plane_geometry import ConcatenateGeometry, PatchGeometry


class Patches(KernelOperation):
    """PyTorch has no such function."""

    layer = Cut
    libraries = ()

    def geometry(self, case: Case) -> PatchGeometry:
        assert isinstance(case.layer, Cut)
        return case.layer.geometry(case.batch)

    def operations(self, case: Case) -> int:
        """A move for each value."""
        return math.prod(self.geometry(case).y_shape)

    def bytes(self, case: Case) -> int:
        return 8 * math.prod(self.geometry(case).y_shape)

    def outputs(self, case: Case) -> list[Output]:
        return [Output(self.geometry(case).y_shape)]

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        raise TypeError(f"{self.name} is not computed by PyTorch")


@operation
class PatchesGather(Patches):
    """Patches of one plane, from outside of it to beyond it, each under a part in its middle."""

    name = kernel = "patches_gather"

    def inputs(self, case: Case) -> Inputs:
        g, rng = self.geometry(case), generator()
        at = rng.integers(1 - g.h, g.H, (g.N, 2))
        x, part = (normal(shape, rng) for shape in (g.x_shape, g.part_shape))
        return {"x": x, "at": at, "part": part, "part_at": at + (g.h - g.a) // 2}

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        g, (x, at, part, part_at) = self.geometry(case), self.inputs(case).values()
        # Wide enough that no patch and no part reaches beyond.
        above, beside = (slice(g.h, g.h + size) for size in (g.H, g.W))
        for n in range(g.N):
            plane = np.zeros((g.C, g.H + 2 * g.h, g.W + 2 * g.h), x.dtype)
            plane[:, above, beside] = x[0]
            plane[_place(part_at[n] + g.h, part.shape[2:])] = part[n]
            outside = np.ones(plane.shape[1:], bool)
            outside[above, beside] = False
            plane[:, outside] = 0
            yield Part(0, n, plane[_place(at[n] + g.h, (g.h, g.w))], at_most(0.0))


@operation
class PatchesFill(Patches):
    """Such patches, 0 outside of the plane."""

    name = kernel = "patches_fill"

    def inputs(self, case: Case) -> Inputs:
        g, rng = self.geometry(case), generator()
        return {"x": normal(g.y_shape, rng), "at": rng.integers(1 - g.h, g.H, (g.N, 2))}

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        g, (x, at) = self.geometry(case), self.inputs(case).values()
        for n in range(g.N):
            rows, columns = (first + np.arange(g.h) for first in at[n])
            inside = np.multiply.outer(_on(rows, g.H), _on(columns, g.W))
            yield Part(0, n, np.where(inside, x[n], 0), at_most(0.0))


def _place(first: np.ndarray, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The pixels of a patch of that shape, of every channel."""
    row, column = (int(v) for v in first)
    return slice(None), slice(row, row + shape[0]), slice(column, column + shape[1])


def _on(lines: np.ndarray, size: int) -> np.ndarray:
    return (lines >= 0) & (lines < size)


@operation
class Concatenate(KernelOperation):
    """Branches concatenated along the channels."""

    name = kernel = "concatenate"
    layer = Joined

    def geometry(self, case: Case) -> ConcatenateGeometry:
        assert isinstance(case.layer, Joined)
        return case.layer.geometry(case.batch)

    def operations(self, case: Case) -> int:
        """A move for each value."""
        return math.prod(self.geometry(case).y_shape)

    def bytes(self, case: Case) -> int:
        return 8 * math.prod(self.geometry(case).y_shape)

    def inputs(self, case: Case) -> Inputs:
        rng, shapes = generator(), self.geometry(case).x_shapes
        return {f"x{i}": normal(shape, rng) for i, shape in enumerate(shapes)}

    def outputs(self, case: Case) -> list[Output]:
        return [Output(self.geometry(case).y_shape)]

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        first = 0
        for x in self.inputs(case).values():
            place = slice(None), slice(first, first + x.shape[1])
            yield Part(0, place, x, at_most(0.0))
            first += x.shape[1]

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        import torch

        arrays = list(tensors.values())
        return Call(lambda: torch.cat(arrays, 1))


@operation
class PlaneMax(OneArray):
    """Each plane's maximum and its index."""

    name = kernel = "plane_max"
    layer = Rectified

    def operations(self, case: Case) -> int:
        """A comparison for each value."""
        return self.elements(case)

    def bytes(self, case: Case) -> int:
        return 4 * self.elements(case)

    def outputs(self, case: Case) -> list[Output]:
        planes = self.geometry(case)[:2]
        return [Output(planes), Output(planes, whole=True)]

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        (x,) = self.inputs(case).values()
        flat = x.reshape(*x.shape[:2], -1)  # (N,C,H,W) -> (N,C,HW)
        yield Part(0, ..., flat.max(axis=2), at_most(0.0))
        yield Part(1, ..., flat.argmax(axis=2), at_most(0.0))

    def call(self, case: Case, name: str, device: str = "cpu") -> Call:
        return Call(super().call(case, name, device).timed, tuple)

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        x = tensors["x"]
        return Call(lambda: x.flatten(2).max(2), tuple)
