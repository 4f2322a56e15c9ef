"""Batch normalisation of a batch in parts, with the mean and the variance of all parts together.

Each part runs its own forward and backward pass and waits for the sums of the others, as in
PyTorch's SyncBatchNorm; with M the elements of a channel in all parts:

    mean = total(sum x) / M,   variance = total(sum (x - mean)^2) / M
    gx = weight / sqrt(variance + eps) (gy - total(sum gy) / M - x^ total(sum gy x^) / M)

The gradients of weight and bias are those of the part's own sums: whoever adds the gradients of the
parts adds them too. Three totals of a few numbers for each channel are exchanged for each layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from minidl.functional.channel_rows import planes_of, rows_of, sums_of
from minidl.recording import is_recording
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, record

Needs = tuple[bool, ...]


class Part(Protocol):
    """A part of a batch among the others."""

    @property
    def leads(self) -> bool:
        """Whether it changes the running statistics, which other parts may share."""
        ...

    def total(self, own: np.ndarray) -> np.ndarray:
        """The sum of the float64 arrays of all parts; called by all of them, in one order."""
        ...


_part: ContextVar[Part | None] = ContextVar("part", default=None)


@contextmanager
def part_of_batch(part: Part) -> Iterator[None]:
    """Within it batch normalisation in training has the statistics of all parts."""
    token = _part.set(part)
    try:
        yield
    finally:
        _part.reset(token)


def current() -> Part | None:
    """The part that this thread or task computes; None for a whole batch."""
    return _part.get()


@dataclass(frozen=True)
class Statistics:
    """Of all parts: elements M of a channel; mean, variance, 1 / sqrt(variance + eps): (C,)."""

    M: float
    mean: np.ndarray
    variance: np.ndarray
    scale: np.ndarray

    def deviations(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """rows (M,C) minus the mean in their type, and what its rounding leaves of it (C,)."""
        rounded = self.mean.astype(rows.dtype)
        return rows - rounded, rounded - self.mean


def normalise(
    x: Tensor, weight: Tensor, bias: Tensor, eps: float, part: Part
) -> tuple[Tensor, Statistics]:
    """x (N,C,...) standardised by the statistics of all parts, times weight (C,), plus bias (C,).

    ValueError for fewer than two elements a channel in all parts.
    """
    rows = rows_of(x._array)
    found = _statistics(rows, eps, part)
    y, left = found.deviations(rows)
    scale = found.scale * weight._array
    y *= scale.astype(y.dtype)
    y += (bias._array + left * scale).astype(y.dtype)
    saved = {"rows": rows, "found": found, "part": part}
    return record("batch_norm_of_parts", planes_of(y, x.shape), (x, weight, bias), **saved), found


def _statistics(rows: np.ndarray, eps: float, part: Part) -> Statistics:
    count, *sums = part.total(np.append(float(len(rows)), rows.sum(axis=0, dtype=np.float64)))
    if count < 2:
        raise ValueError(
            f"batch_norm: all parts of the batch have {count:.0f} element in a channel, whose "
            "variance is no use in training; at least 2 are needed"
        )
    mean = np.array(sums) / count
    rounded = mean.astype(rows.dtype)
    deviations = rows - rounded
    deviations *= deviations
    variance = np.maximum(part.total(sums_of(deviations)) / count - (rounded - mean) ** 2, 0)
    return Statistics(float(count), mean, variance, 1 / np.sqrt(variance + eps))


@gradient.rule("batch_norm_of_parts")
def _batch_norm_of_parts(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor | None, ...]:
    if is_recording():
        raise ValueError("batch_norm: a batch in parts has no derivatives of a higher order")
    x, weight, _ = node.inputs
    found: Statistics = node.saved["found"]
    rows = rows_of(gy._array)
    standard, left = found.deviations(node.saved["rows"])
    standard *= found.scale.astype(rows.dtype)
    standard += (left * found.scale).astype(rows.dtype)
    own = np.stack([sums_of(rows * standard), sums_of(rows)])  # (C,), (C,) -> (2,C)
    kept = tuple(Tensor(g.astype(rows.dtype)) for g in own)
    gx = None
    if needs[0]:
        gw, gb = node.saved["part"].total(own) / found.M
        standard *= -gw.astype(rows.dtype)
        standard += rows
        standard -= gb.astype(rows.dtype)
        standard *= (found.scale * weight._array).astype(rows.dtype)
        gx = Tensor(planes_of(standard, x.shape))
    return gx, *(g if need else None for g, need in zip(kept, needs[1:], strict=True))
