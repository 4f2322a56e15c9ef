"""Properties of every operation whose results are sums of products."""

from __future__ import annotations

import numpy as np

from kernels.bounds import stated, statistical
from kernels.contract.registry import Kernel
from kernels.verify.calls import OPERATIONS, Call, Sum
from kernels.verify.property import agree, holds

SUMS = tuple(name for name, its in OPERATIONS.items() if isinstance(its, Sum))
WHOLE = tuple(name for name in SUMS if OPERATIONS[name].whole)


@holds("statistical line", *SUMS, fills=("positive", "normal", "scaled"), large=True,
       dtypes=(np.float32,), threads=True)  # fmt: skip
def errs_like_a_random_walk(kernel: Kernel, call: Call) -> float:
    """In sizes larger than every tile the error is within the bound, and below the statistical
    line, which grows with the square root of the number of terms and is multiplied by the
    amplification that a kernel declares for its transforms. The largest errors come near it."""
    its, (bound,), (result,) = call.its, call.bound(kernel), call.run(kernel)
    assert isinstance(its, Sum)
    exact = its.precisely(call)
    agree(result, exact, bound)
    amplified = kernel.amplification(call.g)
    terms = (
        stated(kernel, call.g, its.chain(call.g)) / amplified
        if amplified > 1
        else its.chain(call.g)
    )
    line = amplified * statistical(terms + 1, its.absolute(kernel, call), call.dtype)
    agree(result, exact, line, "the statistical line")
    used = np.abs(result - exact) / np.where(line > 0, line, 1)
    return float(used.max(initial=0.0))


@holds("large integers", *WHOLE, fills=("integers",), large=True, threads=True, optional=True)
def makes_no_error_on_integers_in_any_size(kernel: Kernel, call: Call) -> None:
    """In sizes larger than every tile, in float32 and float64, a kernel that sums the products of
    the definition makes no error on small integers, bias included."""
    its, (bound,), (result,) = call.its, call.bound(kernel), call.run(kernel)
    assert isinstance(its, Sum)
    agree(result, its.precisely(call), 0.0 if kernel.exact else bound)
