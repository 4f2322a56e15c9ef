"""Layers that move elements: shapes, orders of axes, parts, repetitions.

The batch may have any size, and may stand on any axis, alone or times a constant: networks with
attention move it behind the tokens, and multiply it by the windows of an image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from minidl import device
from minidl import functional as F
from minidl.functional import arguments
from minidl.nn.module import Module, Parameter
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
            "shape": sizes, "rows": (factor.numerator, factor.denominator),
            "source": arguments.integer(source, "Reshape: source", least=0), "target": target,
        }  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        source, target = self.settings["source"], self.settings["target"]
        if source >= x.ndim:
            raise ValueError(f"Reshape: the input {x.shape} has no axis {source} for the batch")
        others = (*x.shape[:source], *x.shape[source + 1 :])
        rows = self._rows(x.shape)
        sizes = self._sizes(others)
        sizes.insert(target, rows)
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
        shape: tuple[int, ...] = self.settings["shape"]
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
        self.settings: dict[str, Any] = {"axes": axes}

    def forward(self, x: Tensor) -> Tensor:
        return F.transpose(x, self.settings["axes"])


class Slice(Module):
    """x[start:stop:step] along each of `dims`, as ONNX's Slice; steps may be negative.

    stops: None is up to the end, in the direction of the step.
    """

    def __init__(
        self,
        starts: Sequence[int],
        stops: Sequence[int | None],
        steps: Sequence[int] | None = None,
        dims: Sequence[int] | None = None,
    ) -> None:
        first = arguments.integers(starts, "Slice: starts", least=-(2**63))
        stops = [None if s is None else _end(s) for s in _listed(stops, "Slice: stops")]
        strides = (1,) * len(first) if steps is None else arguments.integers(steps, "Slice: steps")
        every = tuple(range(len(first)))
        axes = every if dims is None else arguments.integers(dims, "Slice: dims")
        if not len(first) == len(stops) == len(strides) == len(axes) or 0 in strides:
            raise ValueError(
                f"Slice: starts {first}, stops {tuple(stops)}, steps {strides} and dims "
                f"{tuple(axes)} must be of one length, and no step 0"
            )
        self.settings: dict[str, Any] = {
            "starts": first, "stops": tuple(stops), "steps": strides, "dims": axes,
        }  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        axes = arguments.axes(self.settings["dims"], x.shape, "Slice: dims")
        index = [slice(None)] * x.ndim
        values = (self.settings[name] for name in ("starts", "stops", "steps"))
        for axis, start, stop, step in zip(axes, *values, strict=True):
            index[axis] = slice(start, stop, step)
        return F.getitem(x, tuple(index))


class Gather(Module):
    """F.take of constant positions along `axis`: ONNX's Gather. One integer removes the axis."""

    def __init__(self, indices: Any, axis: int = 0) -> None:
        given = np.array(indices) if _is_nested(indices) else np.array(None)
        if given.dtype.kind not in "iu" and given.size:
            raise TypeError(f"Gather: indices must be integers, got {arguments.shown(indices)}")
        self._places = given.astype(np.int64)
        self.settings: dict[str, Any] = {
            "indices": given.tolist(), "axis": arguments.integer(axis, "Gather: axis"),
        }  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return F.take(x, self._places, self.settings["axis"])


class Expand(Module):
    """F.expand: axes of size 1 repeated; -1 keeps a size, that of the batch."""

    def __init__(self, sizes: Sequence[int]) -> None:
        sizes = arguments.integers(sizes, "Expand: sizes", least=-1)
        self.settings: dict[str, Any] = {"sizes": sizes}

    def forward(self, x: Tensor) -> Tensor:
        return F.expand(x, self.settings["sizes"])


class Repeat(Module):
    """F.repeat: x several times one after the other along each axis, ONNX's Tile."""

    def __init__(self, sizes: Sequence[int]) -> None:
        sizes = arguments.integers(sizes, "Repeat: sizes", least=0)
        self.settings: dict[str, Any] = {"sizes": sizes}

    def forward(self, x: Tensor) -> Tensor:
        return F.repeat(x, self.settings["sizes"])


class Roll(Module):
    """F.roll."""

    def __init__(self, shifts: Sequence[int], dims: Sequence[int]) -> None:
        moved = arguments.integers(shifts, "Roll: shifts")
        axes = arguments.integers(dims, "Roll: dims")
        if len(moved) != len(axes):
            raise ValueError(f"Roll: shifts {moved} and dims {axes} must be of one length")
        self.settings: dict[str, Any] = {"shifts": moved, "dims": axes}

    def forward(self, x: Tensor) -> Tensor:
        return F.roll(x, **self.settings)


class Constant(Module):
    """The learnt values `weight` (1,...) for every sample of x: (N,...), whatever x's values.

    A class token, which is put before the patches of each image (Dosovitskiy et al. 2021).
    """

    def __init__(self, weight: np.ndarray) -> None:
        arguments.array(weight, "Constant: weight")
        if weight.shape[:1] != (1,):
            raise ValueError(f"Constant: weight {weight.shape} must be (1, ...), for one sample")
        self.weight = Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.broadcast_to(self.weight, (len(x), *self.weight.shape[1:]))


def _end(value: object) -> int:
    return arguments.integer(value, "Slice: each of stops", least=-(2**63))


def _listed(values: object, what: str) -> list[Any]:
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise TypeError(f"{what} must be a sequence of integers or None, got {values!r}")
    return list(values)


def _is_nested(value: object) -> bool:
    """True for an integer, an array, or lists of one shape."""
    if device.is_array(value) or isinstance(value, int | np.integer):
        return not isinstance(value, bool)
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return False
    try:
        np.array(value)
    except (ValueError, OverflowError):
        return False
    return True
