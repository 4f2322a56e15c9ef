"""Precision of a result in two lines, and the name of the lower precision that it was computed in.

The worst-case bound grows with the number of terms, so long sums hide operands of ten bits in it.
The statistical line grows with its square root, and does not. A result above the line is named as
what it is: the product of operands rounded to TensorFloat-32, bfloat16, float16 or float32, or sums
that were kept in one of these.
"""

from __future__ import annotations

import numpy as np

from kernels.bounds import stated, statistical
from kernels.contract.registry import Kernel
from kernels.definition.precisions import Rounding, lower_precision
from kernels.verify.calls import Call, Sum


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
