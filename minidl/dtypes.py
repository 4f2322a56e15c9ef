"""Data types under PyTorch's names, and the type of results of two types.

Gradients are of float32 and float64. Integers and bools are labels, masks and indices. A type of
half precision is refused: no kernel computes in it, and to widen it would hide that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

float32 = np.dtype(np.float32)
float64 = np.dtype(np.float64)
uint8 = np.dtype(np.uint8)
int8 = np.dtype(np.int8)
int16 = np.dtype(np.int16)
int32 = np.dtype(np.int32)
int64 = np.dtype(np.int64)
bool_ = np.dtype(np.bool_)

DEFAULT = float32
"""The type of Python's floats, as in PyTorch."""
_HALF = ("float16", "bfloat16")


def check(dtype: DTypeLike, what: str) -> np.dtype:
    """The type of a Tensor; TypeError for one that a Tensor does not hold."""
    try:
        found = np.dtype(dtype)
    except TypeError:
        raise TypeError(f"{what}: {dtype!r} is no data type; minidl.float32 is one") from None
    if found.name in _HALF:
        raise TypeError(
            f"{what}: {found.name} is not computed in, and is not widened unasked; "
            "convert it with .astype(np.float32)"
        )
    if found.kind not in "biu" and found not in (float32, float64):
        raise TypeError(
            f"{what}: a Tensor holds float32, float64, integers or bools, got {found.name}; "
            "convert it first"
        )
    return found


def of_number(value: float, known: np.dtype) -> np.dtype:
    """The type in which a number meets a Tensor of type `known`, as in PyTorch: the Tensor's, if
    that can be; a float makes integers float32, an integer makes bools int64."""
    if known.kind == "f" or isinstance(value, bool | np.bool_):
        return known
    whole = value.dtype.kind in "iu" if hasattr(value, "dtype") else isinstance(value, int)
    if not whole:
        return DEFAULT
    return int64 if known == bool_ else known


def common(a: np.dtype, b: np.dtype) -> np.dtype | None:
    """The type of a result of two types, as in PyTorch: of a float and an integer the float's.

    None for float32 and float64: neither is converted unasked.
    """
    if a == b:
        return a
    if a.kind == b.kind == "f":
        return None
    if a.kind == "f" or b.kind == "f":
        return a if a.kind == "f" else b
    return np.result_type(a, b)
