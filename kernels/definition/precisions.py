"""Detection of lower precision: operands or sums in a narrower type, such as TF32, named by it.

A result that errs by more than its own type explains is compared with the results for operands
rounded to each narrower type, and its errors with those of sums in each.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike

from kernels.bounds import eps, within

Rounding = Callable[[np.ndarray], np.ndarray]
FEWEST = 8
"""Results by which a type is recognised: fewer may have short fractions by chance."""


def lower_precision(
    result: np.ndarray,
    expected: np.ndarray,
    rounded: Callable[[Rounding], np.ndarray],
    allowed: np.ndarray | float,
    dtype: DTypeLike,
) -> str:
    """What a wrong result of `dtype` looks like, as a clause; "" if like nothing known.

    rounded: the expected result in float64 for operands to which a rounding was applied.
    allowed: the largest error of each element without it.
    """
    if result.shape != expected.shape or not np.isfinite(result).all():
        return ""
    found = (
        operands(result, rounded, allowed, dtype)
        or stored(result, expected, dtype)
        or sums(result, expected, allowed, dtype)
    )
    return f"; {found}" if found else ""


def operands(
    result: np.ndarray,
    rounded: Callable[[Rounding], np.ndarray],
    allowed: np.ndarray | float,
    dtype: DTypeLike,
) -> str:
    """The type to which the operands were rounded, if the result is that of rounded ones; several,
    if few numbers do not tell them apart."""
    found: list[str] = []
    for name, change in ROUNDINGS.items():
        if name == "float32":
            if np.dtype(dtype) == np.float32 or found:
                continue
            allowed = np.asarray(allowed) * (eps(np.float32) / eps(np.float64))
        with np.errstate(over="ignore", invalid="ignore"):
            if within(result, rounded(change), allowed):
                found.append(name)
    names = " or ".join(filter(None, [", ".join(found[:-1]), *found[-1:]]))
    return f"these are the results for operands rounded to {names}" if found else ""


def stored(result: np.ndarray, expected: np.ndarray, dtype: DTypeLike) -> str:
    """The narrower type whose values all results are, as sums in it, while the expected are not."""
    for name in ("float16", "bfloat16 (cut off)", "float32"):
        change = ROUNDINGS[name]
        if eps(dtype) >= 2.0**-23 and name == "float32":
            continue
        with np.errstate(over="ignore"):
            others = int((change(expected) != expected).sum())
            if others >= FEWEST and (change(result) == result).all():
                return f"all results are numbers of {name.partition(' ')[0]}"
    return ""


def sums(
    result: np.ndarray, expected: np.ndarray, allowed: np.ndarray | float, dtype: DTypeLike
) -> str:
    """The narrowest type in which such sums could have been added."""
    error, own = np.abs(result - expected), eps(dtype)
    for name, unit in (("float32", 2.0**-23), ("float16", 2.0**-10), ("bfloat16", 2.0**-7)):
        if own < unit and (error <= np.asarray(allowed) * (unit / own)).all():
            return f"errors as of sums in {name}"
    return ""


def _kept(bits: int, carry: bool) -> Rounding:
    """Rounding of float32 to its upper 32 - `bits` bits, to nearest with `carry`, else down."""

    def rounded(a: np.ndarray) -> np.ndarray:
        if a.dtype.kind != "f":
            return a
        whole = np.ascontiguousarray(a, np.float32).view(np.uint32)
        if carry:
            whole = whole + np.uint32(1 << (bits - 1))
        kept = whole & np.uint32(0xFFFFFFFF << bits & 0xFFFFFFFF)
        return kept.view(np.float32).astype(a.dtype).reshape(a.shape)

    return rounded


def _through(dtype: type[np.floating]) -> Rounding:
    return lambda a: a.astype(dtype).astype(a.dtype) if a.dtype.kind == "f" else a


ROUNDINGS: dict[str, Rounding] = {
    "TensorFloat-32": _kept(13, True),
    "TensorFloat-32 (cut off)": _kept(13, False),
    "bfloat16": _kept(16, True),
    "bfloat16 (cut off)": _kept(16, False),
    "float16": _through(np.float16),
    "float32": _through(np.float32),
}
"""By the name of the type, those of the most bits first."""
