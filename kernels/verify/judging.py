"""Oracles and bounds for a user's tests: what a call should give, and the error that it may have.

An oracle's results are float64 arrays, one for each result of the kernel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kernels.contract.registry import Kernel
from kernels.verify.calls import Call, Results
from kernels.verify.measured import share_of
from kernels.verify.oracles import onnx, pytorch


def by_definition(call: Call) -> Results:
    """The results of a call by the definition, in float64: nested loops that sum the products one
    by one (`kernels.reference`), or array expressions where the loops would take longer than
    seconds.

    >>> from kernels.verify import make
    >>> float(by_definition(make("relu", (2, 3), "integers", 0))[0].min())
    0.0
    """
    return call.define()


def in_float64(call: Call) -> Results:
    """The results of a call in float64 by array expressions (`kernels.definition`), fast enough for
    the layers of networks.

    >>> from kernels.verify import make
    >>> in_float64(make("matmul", (300, 200, 100), "normal", 0))[0].shape
    (300, 200)
    """
    return call.its.in_float64(call)


def by_pytorch(call: Call) -> Results | None:
    """PyTorch's results in float64; None where it does not have the operation or the geometry.

    ModuleNotFoundError if torch is not installed.

    >>> from kernels.verify import make
    >>> by_pytorch(make("random_bits", 4, "normal", 0)) is None
    True
    """
    return pytorch.answer(call)


def by_onnx(call: Call) -> Results | None:
    """The results of ONNX's reference evaluator in float64; None where it does not have the
    operation or the geometry.

    ModuleNotFoundError if onnx is not installed.

    >>> from kernels.verify import make
    >>> by_onnx(make("random_bits", 4, "normal", 0)) is None
    True
    """
    return onnx.answer(call) if call.operation in onnx.operations() else None


def bounds_of(kernel: Kernel, call: Call) -> tuple[np.ndarray | float, ...]:
    """The bound of the error of each result against the definition, for each element.

    It follows from the number format and from what the kernel declares (`Accuracy`), for these
    operands. ValueError if the kernel is declared not exact and states no bound.

    >>> import kernels
    >>> from kernels.verify import make
    >>> call = make("matmul", (2, 2, 500), "positive", 0, np.float32)
    >>> bool((bounds_of(kernels.named("matmul", "blas"), call)[0] < 0.2).all())
    True
    """
    return call.bound(kernel)


def error_in_bounds(
    found: ArrayLike, expected: ArrayLike, bound: np.ndarray | float = 0.0
) -> float:
    """The largest error in units of its bound: at most 1 if the result is right.

    Infinity for a NaN that differs, or for any error where none is allowed. ValueError for
    different shapes.

    >>> error_in_bounds([1.0, 2.25], [1.0, 2.0], 0.5)
    0.5
    """
    one, other = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    if one.shape != other.shape:
        raise ValueError(f"the result has the shape {one.shape}, the expected one {other.shape}")
    with np.errstate(invalid="ignore"):
        return share_of(np.abs(one - other), bound)
