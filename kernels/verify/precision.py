"""Precision of a result in two lines, and the name of the lower precision that it was computed in.

The worst-case bound grows with the number of terms, so long sums hide operands of ten bits in it.
The statistical line grows with its square root, and does not. A result above the line is named as
what it is: the product of operands rounded to TensorFloat-32, bfloat16, float16 or float32, or sums
that were kept in one of these.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kernels.bounds import stated, statistical, within
from kernels.contract.registry import Kernel
from kernels.verify.calls import Call, Sum

Rounding = Callable[[np.ndarray], np.ndarray]


def line(kernel: Kernel, call: Call) -> np.ndarray:
    """The statistical line of a sum, multiplied by the amplification that the kernel declares."""
    its = call.its
    assert isinstance(its, Sum)
    amplified, chain = kernel.amplification(call.g), its.chain(call.g)
    terms = stated(kernel, call.g, chain) / amplified if amplified > 1 else chain
    return amplified * statistical(terms + 1, its.absolute(kernel, call), call.dtype)


def slack(kernel: Kernel, call: Call) -> np.ndarray:
    """The statistical line of an oracle that adds the products in float64."""
    its = call.its
    assert isinstance(its, Sum)
    return statistical(its.chain(call.g) + 1, its.absolute(kernel, call), np.float64)


def named(kernel: Kernel, call: Call, result: np.ndarray) -> str:
    """What a result above the line looks like, as a clause; "" if like nothing known."""
    if result.shape != call.its.in_float64(call)[0].shape or not np.isfinite(result).all():
        return ""
    found = operands(kernel, call, result) or sums(kernel, call, result)
    return f"; {found}" if found else ""


def operands(kernel: Kernel, call: Call, result: np.ndarray) -> str:
    """The type to which the operands were rounded, if the result is exact for rounded ones."""
    allowed = line(kernel, call) + slack(kernel, call)
    for name, change in ROUNDINGS.items():
        if name == "float32":
            if call.dtype == np.float32:
                continue
            allowed = allowed * (np.finfo(np.float32).eps / np.finfo(np.float64).eps)
        with np.errstate(over="ignore", invalid="ignore"):
            rounded = call.its.in_float64(call.each(lambda a, c=change: c(a)))[0]  # type: ignore[misc]
        if within(result, rounded, allowed):
            return f"these are the results for operands rounded to {name}"
    return ""


def sums(kernel: Kernel, call: Call, result: np.ndarray) -> str:
    """The narrowest type in which such sums could have been added."""
    error = np.abs(result - call.its.in_float64(call)[0])
    allowed = line(kernel, call) / np.finfo(call.dtype).eps
    for name, eps in (("float32", 2.0**-23), ("float16", 2.0**-10), ("bfloat16", 2.0**-7)):
        if np.finfo(call.dtype).eps < eps and (error <= allowed * eps).all():
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
