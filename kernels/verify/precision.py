"""Precision of a result in two lines, and the name of the lower precision that it was computed in.

The worst-case bound grows with the number of terms, so long sums hide operands of ten bits in it.
The statistical line grows with its square root, and does not. A result above the line is named as
what it is: the product of operands rounded to TensorFloat-32, bfloat16, float16 or float32, or sums
that were kept in one of these.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from kernels.bounds import stated, statistical
from kernels.contract.probe import supports
from kernels.contract.registry import Kernel
from kernels.definition.precisions import Rounding, lower_precision, operands, stored
from kernels.verify.calls import Call, Results, Sum, make
from kernels.verify.strata import NETWORKS, THRESHOLDS
from kernels.verify.strata.stratum import work

LEAST, MOST = 20_000, 10_000_000
"""Operations of a call that tells types apart."""


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

    def rounded(change: Rounding) -> np.ndarray:
        return call.its.in_float64(call.each(change))[0]

    allowed = line(kernel, call) + slack(kernel, call)
    expected = call.its.in_float64(call)[0]
    return lower_precision(result, expected, rounded, allowed, call.dtype)


def of_result(call: Call, number: int, results: Results, bound: np.ndarray | float) -> str:
    """What a result beyond its bound looks like, of any operation, as a clause: that of operands
    rounded to a narrower type, or numbers of one; "" otherwise."""

    def rounded(change: Rounding) -> np.ndarray:
        return call.its.in_float64(call.each(change))[number]

    result, expected = results[number], call.its.in_float64(call)[number]
    if result.dtype.kind != "f" or result.shape != expected.shape:
        return ""
    if not np.isfinite(result).all() or not np.any(bound):
        return ""
    found = operands(result, rounded, bound, call.dtype) or stored(result, expected, call.dtype)
    return f"; {found}" if found else ""


@lru_cache(maxsize=64)
def of_kernel(kernel: Kernel, device: str) -> str:
    """The precision of a kernel as a clause, from one call with numbers enough to tell types apart;
    "" if it is that of the arrays, or like nothing known."""
    try:
        call = _telling(kernel, device)
        if call is None:
            return ""
        results = call.run(kernel)
        found = (of_result(call, i, results, b) for i, b in enumerate(call.bound(kernel)))
        return next(filter(None, found), "")
    except Exception:  # a failure of other properties
        return ""


def _telling(kernel: Kernel, device: str) -> Call | None:
    """A call of a listed geometry, of some ten thousand operations."""
    operation = kernel.operation
    for stratum in (THRESHOLDS, NETWORKS):
        for g in stratum.geometries(operation) if operation in stratum.operations else ():
            if LEAST <= work(operation, g) <= MOST and supports(kernel, g):
                return replace(make(operation, g, "normal", 0, np.float32), device=device)
    return None
