"""Layers that move elements: other shapes, other orders of axes.

The batch may have any size, and may stand on any axis, alone or times a constant: networks with
attention move it behind the tokens, and multiply it by the windows of an image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from minidl import functional as F
from minidl.functional import arguments
from minidl.nn.module import Module
from minidl.tensor import Tensor

Factor = int | Fraction | Sequence[int]


class Reshape(Module):
    """The elements in row-major order as another shape, for a batch of any size.

        Reshape((49, 96))                               (N,...)   -> (N,49,96)
        Reshape((49, 96), rows=64)                      (N,...)   -> (64 N,49,96)
        Reshape((64, 49, 96), rows=Fraction(1, 64))     (64 N,...) -> (N,64,49,96)
        Reshape((197, 64), rows=12, source=1, target=1) (197,N,768) -> (197,12 N,64)

    shape:  all sizes of the output but the batch's; one of them may be -1.
    rows:   the batch's axis of the output is `rows` times as long as that of the input: an integer,
            a Fraction, or a pair (numerator, denominator).
    source: the axis of the input with the batch.
    target: the axis of the output with the batch: `shape` is its other axes in order.
    Raises ValueError for an input whose elements do not fit.
    """

    def __init__(
        self, shape: Sequence[int], rows: Factor = 1, source: int = 0, target: int = 0
    ) -> None:
        sizes = arguments.integers(shape, "Reshape: shape", least=-1)
        target = arguments.integer(target, "Reshape: target", least=0)
        if target > len(sizes):
            raise ValueError(f"Reshape: the output has {len(sizes) + 1} axes, target is {target}")
        factor = _factor(rows)
        self.settings: dict[str, Any] = {
            "shape": list(sizes), "rows": [factor.numerator, factor.denominator],
            "source": arguments.integer(source, "Reshape: source", least=0), "target": target,
        }  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        source, target = self.settings["source"], self.settings["target"]
        if source >= x.ndim:
            raise ValueError(f"Reshape: the input {x.shape} has no axis {source} for the batch")
        others = (*x.shape[:source], *x.shape[source + 1 :])
        sizes = self._sizes(others)
        sizes.insert(target, self._rows(x.shape))
        return F.reshape(x, sizes)  # (..., N, ...) -> (..., N p / q, ...)

    def _rows(self, shape: tuple[int, ...]) -> int:
        """The size of the output's batch axis."""
        (p, q), source = self.settings["rows"], self.settings["source"]
        if shape[source] * p % q:
            raise ValueError(
                f"Reshape: axis {source} of the input {shape} must be a multiple of {q}: it "
                f"becomes {p} / {q} of its size"
            )
        return int(shape[source]) * int(p) // int(q)

    def _sizes(self, others: Sequence[int]) -> list[int]:
        """The output's other sizes, from those of the input, also where the batch is empty."""
        shape: list[int] = self.settings["shape"]
        p, q = self.settings["rows"]
        known, count = math.prod(s for s in shape if s != -1), Fraction(math.prod(others) * q, p)
        if shape.count(-1) == 1 and known > 0 and (count / known).denominator == 1:
            return [int(count / known) if size == -1 else size for size in shape]
        if known != count or -1 in shape:
            raise ValueError(
                f"Reshape: one sample of {tuple(others)} does not fit into {p} / {q} times {shape}"
            )
        return list(shape)


def _factor(rows: object) -> Fraction:
    """`rows` as a positive Fraction."""
    given = (rows.numerator, rows.denominator) if isinstance(rows, Fraction) else rows
    pair = (given, 1) if isinstance(given, int) else given
    p, q = (*arguments.integers(pair, "Reshape: rows", least=1), 0, 0)[:2]
    if not isinstance(pair, Sequence) or len(pair) != 2:
        raise ValueError(f"Reshape: rows must be an integer, a Fraction or a pair, got {rows!r}")
    return Fraction(p, q)


class Transpose(Module):
    """A permutation of all axes; the batch may move to another one."""

    def __init__(self, axes: Sequence[int]) -> None:
        axes = arguments.integers(axes, "Transpose: axes", least=0)
        if sorted(axes) != list(range(len(axes))):
            raise ValueError(f"Transpose: axes must name each axis once, got {tuple(axes)}")
        self.settings: dict[str, Any] = {"axes": list(axes)}

    def forward(self, x: Tensor) -> Tensor:
        return F.transpose(x, self.settings["axes"])
