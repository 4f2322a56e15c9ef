"""Argument checks: pairs, pads, groups and shapes.

Each function returns the argument in its canonical form or raises ValueError with what was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeGuard

import numpy as np

MOST = 2**31 - 1
"""The largest setting, and number of pixels of a plane: kernels number the pixels with 32 bits."""
Pair = int | Sequence[int]
Padding = int | Sequence[int]


def pair(value: Pair, name: str, least: int = 1) -> tuple[int, int]:
    """One integer or two, as (rows, columns), none below `least`."""
    values = _integers(value, 2)
    if len(values) != 2:
        raise ValueError(f"{name}: expected an integer or two (rows, columns), got {value!r}")
    if min(values) < least:
        raise ValueError(f"{name}: must be at least {least}, got {value!r}")
    if max(values) > MOST:
        raise ValueError(f"{name}: must be at most {MOST}, got {value!r}")
    return values[0], values[1]


def pads(value: Padding) -> tuple[int, int, int, int]:
    """One integer, two (rows, columns) or four (top, bottom, left, right); signed."""
    values = _integers(value, 4)
    if len(values) == 2:
        values = (values[0], values[0], values[1], values[1])
    if len(values) != 4:
        raise ValueError(
            "padding: expected an integer, two (rows, columns) or four (top, bottom, left, right), "
            f"got {value!r}"
        )
    if min(values) < -MOST or max(values) > MOST:
        raise ValueError(f"padding: must be from {-MOST} to {MOST}, got {value!r}")
    return values[0], values[1], values[2], values[3]


def _integers(value: object, repeats: int) -> tuple[int, ...]:
    """One integer `repeats` times, or a sequence's integers; nothing if any is something else."""
    if type(value) is int:  # the common case
        return (value,) * repeats
    values = tuple(value) if _is_sequence(value) else (value,) * repeats
    integers = tuple(int(v) for v in values if _is_integer(v))
    return integers if len(integers) == len(values) else ()


def _is_sequence(value: object) -> TypeGuard[Iterable[object]]:
    """True for what has elements; an array without axes has none."""
    return isinstance(value, Iterable) and getattr(value, "ndim", 1) > 0


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def flag(value: object, name: str) -> bool:
    """True or False, also as 1 or 0; TypeError for anything else."""
    if not isinstance(value, int | np.integer | np.bool_) or value not in (0, 1):
        raise TypeError(f"{name}: must be True or False, got {value!r}")
    return bool(value)


def four_axes(shape: Sequence[int], what: str, axes: str) -> tuple[int, int, int, int]:
    if len(shape) != 4:
        raise ValueError(f"{what} must have the four axes {axes}, got the shape {tuple(shape)}")
    if min(shape) < 0:
        raise ValueError(f"{what} {axes}: no size may be negative, got {tuple(shape)}")
    N, C, H, W = (int(v) for v in shape)
    return N, C, H, W


def at_least_one(size: int, what: str) -> int:
    if size < 1:
        raise ValueError(f"{what} must be at least 1, got {size}")
    return size


def check_count(value: object, what: str) -> None:
    """ValueError unless the value is an integer of at least 1."""
    if not _is_integer(value) or value < 1:
        raise ValueError(f"{what} must be an integer of at least 1, got {value!r}")


def check_groups(
    groups: int, C: int, K: int, Cg: int, x_shape: Sequence[int], w_shape: Sequence[int]
) -> None:
    shapes = f"x {tuple(x_shape)} and weight {tuple(w_shape)} with groups={groups}"
    if not _is_integer(groups) or groups < 1 or C % groups or K % groups:
        raise ValueError(
            f"conv2d: {shapes}: groups must be an integer of at least 1 that divides the {C} input "
            f"channels and the {K} filters"
        )
    if Cg * groups != C:
        raise ValueError(
            f"conv2d: {shapes} do not fit: the weight's second axis must be "
            f"C / groups = {C // groups}, not {Cg}"
        )
