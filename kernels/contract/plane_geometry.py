"""Geometries of operations that move planes: patches, concatenation along channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

Shape = tuple[int, int, int, int]


@dataclass(frozen=True)
class PatchGeometry:
    """N patches of h x w pixels, each with its own origin in a plane of H x W pixels.

    planes: N, or 1 where all patches are of one plane.
    a, b:   rows and columns of the part that overlays the plane; 0 for none.
    """

    N: int
    C: int
    H: int
    W: int
    h: int
    w: int
    planes: int
    a: int = 0
    b: int = 0

    @classmethod
    def of(
        cls,
        plane: Sequence[int],
        count: int,
        shape: tuple[int, int],
        part: tuple[int, int] = (0, 0),
    ) -> Self:
        """`count` patches of `shape` (h,w) of the planes (N or 1,C,H,W), under parts (a,b).

        ValueError unless there are as many planes as patches, or one.
        """
        planes, C, H, W = plane
        if planes not in (1, count):
            raise ValueError(
                f"{count} patches are of {count} planes or of one, not of {planes}: {tuple(plane)}"
            )
        return cls(count, C, H, W, *shape, planes, *part)

    @property
    def x_shape(self) -> Shape:
        return self.planes, self.C, self.H, self.W

    @property
    def part_shape(self) -> Shape:
        return self.N, self.C, self.a, self.b

    @property
    def y_shape(self) -> Shape:
        return self.N, self.C, self.h, self.w


@dataclass(frozen=True)
class ConcatenateGeometry:
    """Arrays (N,Ci,H,W), their `channels` Ci in order."""

    N: int
    channels: tuple[int, ...]
    H: int
    W: int

    @classmethod
    def of(cls, *shapes: Sequence[int]) -> Self:
        """ValueError unless the shapes (N,Ci,H,W) differ in their channels alone."""
        if not shapes or len({(len(s), s[0], *s[2:]) for s in shapes}) != 1 or len(shapes[0]) != 4:
            raise ValueError(
                f"concatenate: the shapes {[tuple(s) for s in shapes]} must be (N, C, H, W) and "
                "equal but for C"
            )
        N, _, H, W = shapes[0]
        return cls(N, tuple(s[1] for s in shapes), H, W)

    @property
    def x_shapes(self) -> list[Shape]:
        return [(self.N, C, self.H, self.W) for C in self.channels]

    @property
    def y_shape(self) -> Shape:
        return self.N, sum(self.channels), self.H, self.W
