"""Detection of operands rounded to a narrower type, which a wide declared bound would hide.

A kernel is judged by the bound and the amplification that it declares, which transforms need. No
declaration makes operands that were rounded to bfloat16 those of float32: then the results are,
within the error of float32, the definition's for rounded operands.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kernels.bounds import statistical
from kernels.contract.kernel import Kernel
from kernels.contract.probe import supports
from kernels.definition.precisions import Rounding, operands
from kernels.judge.remote import Remote
from kernels.verify.calls import OPERATIONS, Call, Sum, make
from kernels.verify.strata import NETWORKS, THRESHOLDS
from kernels.verify.strata.stratum import work

LEAST, MOST = 20_000, 10_000_000
"""Operations of a call that tells types apart."""
SLACK = 4.0
"""Times the statistical line of a kernel that declares nothing."""
WORDS = {
    "TensorFloat-32": ("tf32",),
    "bfloat16": ("bf16", "bfloat16"),
    "float16": ("f16", "float16", "half"),
}
"""By which a kernel's name says its type."""


def rounded_operands(kernel: Remote) -> str:
    """The type to which the kernel rounds its operands, as a clause, unless its name says so."""
    its = OPERATIONS.get(kernel.operation)
    declares = kernel.error_bound is not None or not kernel.exact
    call = _telling(kernel) if isinstance(its, Sum) and declares else None
    if call is None:
        return ""
    (result,) = call.run(kernel)
    found = operands(result, _of_rounded(call), SLACK * _line(call), call.dtype)
    said = kernel.name.lower()
    if not found or any(w in said for n, ws in WORDS.items() if n in found for w in ws):
        return ""
    return f"{found}, whatever error is declared, and its name does not say so"


def _of_rounded(call: Call) -> Callable[[Rounding], np.ndarray]:
    return lambda change: call.its.in_float64(call.each(change))[0]


def _line(call: Call) -> np.ndarray:
    """The statistical line of a kernel that sums the products of the definition."""
    its = call.its
    assert isinstance(its, Sum)
    plain = Kernel(call.operation, "plain", "cpu", _line)
    line: np.ndarray = statistical(its.chain(call.g) + 1, its.absolute(plain, call), call.dtype)
    return line


def _telling(kernel: Remote) -> Call | None:
    """A call of a listed geometry in float32, of some ten thousand operations."""
    operation = kernel.operation
    for stratum in (THRESHOLDS, NETWORKS):
        for g in stratum.geometries(operation) if operation in stratum.operations else ():
            if LEAST <= work(operation, g) <= MOST and supports(kernel, g):
                return make(operation, g, "normal", 0, np.float32)
    return None
