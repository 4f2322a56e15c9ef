"""Operands that a kernel updates in place: copies of them, or with `out` the caller's arrays.

An operation that updates parameters is a function from old values to new ones, as all others are.
With `out` its results go to arrays of the caller's, which may be its inputs: then nothing is
allocated and nothing copied, so a step over many parameters cannot fail half way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernels.contract import memory


def to_change(arrays: Sequence[Any], out: Sequence[Any] | None, operation: str) -> tuple[Any, ...]:
    """New arrays that hold the values of `arrays`; or those of `out`, which then hold them.

    ValueError unless those of `out` are packed, as `memory.empty` makes them.
    """
    made = tuple(memory.empty_like(a) for a in arrays) if out is None else tuple(out)
    for array, changed in zip(arrays, made, strict=True):
        plain = memory.nhwc(changed) if changed.ndim == 4 else changed
        if not (plain.flags.c_contiguous or (plain.ndim == 2 and plain.flags.f_contiguous)):
            raise ValueError(
                f"{operation}: out {changed.shape} with strides {changed.strides} must be packed, "
                "as memory.empty makes it, to be changed in place"
            )
        if changed is not array:
            changed[...] = array
    return made


def one_order(*arrays: Any) -> bool:
    """May packed arrays of one shape be walked in the order of memory: matrices all row-major, or
    all column-major?"""
    if arrays[0].ndim != 2:
        return True
    rows = all(a.flags.c_contiguous for a in arrays)
    return rows or all(a.flags.f_contiguous for a in arrays)


def in_order_of_memory(a: Any) -> Any:
    """The elements of a packed array in the order of its memory, the same memory: (count,)."""
    return memory.flat(a.T if a.ndim == 2 and a.flags.f_contiguous else a)
