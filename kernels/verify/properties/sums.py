"""Properties of every operation whose results are sums of products."""

from __future__ import annotations

import numpy as np

from kernels.contract.registry import Kernel
from kernels.verify import precision
from kernels.verify.calls import OPERATIONS, Call, Sum
from kernels.verify.property import agree, holds
from kernels.verify.verdicts import Violation

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
    exact, line = its.precisely(call), precision.line(kernel, call)
    within_both(kernel, call, result, exact, bound, line)
    used = np.abs(result - exact) / np.where(line > 0, line, 1)
    return float(used.max(initial=0.0))


def within_both(
    kernel: Kernel,
    call: Call,
    result: np.ndarray,
    exact: np.ndarray,
    bound: np.ndarray | float,
    line: np.ndarray,
) -> None:
    """Violation if an error exceeds the worst-case bound or the statistical line; it names the
    precision that such errors have."""
    try:
        agree(result, exact, bound)
        agree(result, exact, line, "the statistical line")
    except Violation as error:
        raise Violation(str(error), precision.named(kernel, call, result)) from None


@holds("large integers", *WHOLE, fills=("integers",), large=True, threads=True, optional=True)
def makes_no_error_on_integers_in_any_size(kernel: Kernel, call: Call) -> None:
    """In sizes larger than every tile, in float32 and float64, a kernel that sums the products of
    the definition makes no error on small integers, bias included."""
    its, (bound,), (result,) = call.its, call.bound(kernel), call.run(kernel)
    assert isinstance(its, Sum)
    agree(result, its.precisely(call), 0.0 if kernel.exact else bound)
