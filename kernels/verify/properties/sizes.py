"""Properties over listed sizes: layers of published networks, and thresholds."""

from __future__ import annotations

from dataclasses import replace

from kernels.contract.registry import Kernel
from kernels.verify import precision
from kernels.verify.calls import Call, Sum
from kernels.verify.properties.sums import within_both
from kernels.verify.property import agree, holds, require
from kernels.verify.strata import EMPTY, NETWORKS, THRESHOLDS
from kernels.verify.verdicts import Violation


def judged(kernel: Kernel, call: Call) -> None:
    """Each result is of the right type and within its bound of float64; a sum is below its
    statistical line too."""
    results, expected = call.run(kernel), call.its.in_float64(call)
    triples = zip(results, expected, call.bound(kernel), strict=False)
    for number, (result, true, bound) in enumerate(triples):
        wanted = call.dtype if true.dtype.kind == "f" else true.dtype
        require(result.dtype == wanted, f"the result is {result.dtype}, not {wanted}")
        if isinstance(call.its, Sum):
            line = precision.line(kernel, call) + precision.slack(kernel, call)
            within_both(kernel, call, result, true, bound, line)
            continue
        try:
            agree(result, true, bound)
        except Violation as error:
            named = precision.of_result(call, number, results, bound)
            raise Violation(str(error), named) from None


@holds("networks", *NETWORKS.operations, listed=NETWORKS, fills=("normal", "positive"),
       optional=True, threads=True)  # fmt: skip
def is_its_definition_in_layers_of_networks(kernel: Kernel, call: Call) -> None:
    """In the layers of published networks the error of the result is within the bound and, of a
    sum, below the statistical line."""
    judged(kernel, call)


@holds("thresholds", *THRESHOLDS.operations, listed=THRESHOLDS, fills=("normal", "positive"),
       optional=True)  # fmt: skip
def is_its_definition_around_thresholds(kernel: Kernel, call: Call) -> None:
    """One below, at and above the sizes where blocks, vectors, grids and 16-bit indices end, the
    error of the result is within the bound and, of a sum, below the statistical line."""
    judged(kernel, call)


@holds("nothing", *EMPTY.operations, listed=EMPTY, optional=True)
def takes_arrays_without_elements(kernel: Kernel, call: Call) -> None:
    """Without images, channels, filters or pixels the result is the definition's, zeros or nothing,
    and so it is with weights that were prepared."""
    judged(kernel, call)
    if kernel.prepare is not None and "w" in call.inputs:
        kept = call.prepared(kernel, call.inputs["w"], call.g)
        judged(kernel, replace(call, options=call.options | {"prepared": kept}))
