"""Tensors as text: their values as PyTorch prints them, with four digits."""

from __future__ import annotations

from typing import Any

import numpy as np

DIGITS = 4
MOST = 1000
"""Elements from which on only the first and last three of each axis are shown."""
_USUAL = ("float32", "int64", "bool")
"""Types that the values tell by themselves."""


def shown(array: np.ndarray, *notes: str, prefix: str = "tensor(") -> str:
    """`tensor([[1.0000, 2.0000]], ...)`; `notes` follow the values, as requires_grad=True does."""
    values = np.array2string(
        array,
        separator=", ",
        prefix=prefix,
        threshold=MOST,
        max_line_width=80 + len(prefix),
        formatter={"float_kind": _format(array)} if array.dtype.kind == "f" else None,
    )
    extra = list(notes)
    if array.size == 0 and array.ndim != 1:
        extra.insert(0, f"size={array.shape}")
    if array.dtype.name not in _USUAL:
        extra.insert(0, f"dtype={array.dtype.name}")
    return prefix + ", ".join([values, *extra]) + ")"


def _format(array: np.ndarray) -> Any:
    """One format for all values: digits after the point, or powers of ten where sizes differ."""
    finite = np.abs(array[np.isfinite(array) & (array != 0)])
    if array.size and np.all(array[np.isfinite(array)] == np.rint(array[np.isfinite(array)])):
        plain, exponents = ".0f", finite.size > 0 and finite.max() >= 1e8
        end = "."
    else:
        plain, end = f".{DIGITS}f", ""
        exponents = finite.size > 0 and (
            finite.max() >= 1e8 or finite.min() < 1e-4 or finite.max() / finite.min() > 1e3
        )
    spec = f".{DIGITS}e" if exponents else plain
    texts = [_one(value, spec, end) for value in array[np.isfinite(array)][:MOST]]
    width = max((len(text) for text in texts), default=0) if array.ndim else 0
    return lambda value: _one(value, spec, end).rjust(width)


def _one(value: Any, spec: str, end: str) -> str:
    number = float(value)
    if not np.isfinite(number):
        return str(number)
    return format(number, spec) + (end if spec == ".0f" else "")
