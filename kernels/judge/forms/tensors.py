"""Tensors of PyTorch from the judge's arrays, and arrays from its results.

Values in float16 and bfloat16 travel as float32, which holds each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

STORED = ("float16", "bfloat16")


def storage(given: Sequence[Any]) -> str:
    """The narrow type of the tensors; "" for float32. ValueError for different ones, or others."""
    types = {str(t.dtype).removeprefix("torch.") for t in given}
    if len(types) != 1 or not types <= {*STORED, "float32"}:
        raise ValueError(
            f"its operands are of {', '.join(sorted(types))}; the judge takes operands all "
            f"of float32, {' or '.join(STORED)}"
        )
    (name,) = types
    return "" if name == "float32" else name


def tensor(a: np.ndarray, dtype: Any) -> Any:
    """The array as a tensor of the type: the same memory, if it is of that type already."""
    torch = __import__("torch")
    return torch.from_numpy(own(a)).to(dtype)


def array(y: Any) -> Any:
    """A result as an array, in float32 if it is of a narrower type; what is no tensor as it is."""
    torch = __import__("torch")
    if not isinstance(y, torch.Tensor):
        return y
    y = y.detach().cpu()
    narrow = str(y.dtype).removeprefix("torch.") in STORED
    return (y.float() if narrow else y).numpy()


def own(a: np.ndarray) -> np.ndarray:
    """The array itself, if PyTorch takes it: writeable, in native order, with forward strides."""
    plain = a.flags.writeable and a.dtype.isnative and a.flags.aligned
    whole = all(s >= 0 and s % a.itemsize == 0 for s in a.strides)
    return a if plain and whole else np.array(a, a.dtype.newbyteorder("="))
