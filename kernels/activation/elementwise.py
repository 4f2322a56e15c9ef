"""Activation functions: y = f(x) of every element.

    sigmoid      1 / (1 + e^-x)
    silu         x / (1 + e^-x)                                     Elfwing et al. 2017
    gelu         x Phi(x), Phi the normal distribution function     Hendrycks, Gimpel 2016
    gelu_tanh    x / (1 + e^-2u), u = sqrt(2/pi) (x + 0.044715 x^3): its form with tanh
    mish         x n / (n + 2), n = e^x (e^x + 2)                   Misra 2019
    hardswish    x min(max(x + 3, 0), 6) / 6                        Howard et al. 2019
    elu          x, below 0 alpha (e^x - 1)                         Clevert et al. 2015

and exp, erf, tanh, hardsigmoid, leaky_relu, relu6. In float32 exp, erf and tanh are polynomials
that vectorise (`kernels/cpu/elementary.py`), in float64 libm's. Each function has its own loop,
compiled when it is first asked for. One read and one write per element; in float32 limited by
memory, or by the polynomial where x is in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from kernels.contract import memory
from kernels.contract.activation_geometry import ActivationGeometry
from kernels.contract.declarations import Accuracy
from kernels.contract.registry import kernel
from kernels.cpu.activations import (
    SIX,
    ZERO,
    gelu,
    hardsigmoid,
    hardswish,
    leaky_relu,
    sigmoid,
    silu,
)
from kernels.cpu.elementary import ONE, erf, exp, expm1, tanh

TWO, TWENTY = np.float32(2), np.float32(20)
CUBIC, DOUBLED = 0.044715, 2 * math.sqrt(2 / math.pi)
UNITS = {
    "elu": 4, "erf": 5, "exp": 2, "gelu": 6, "gelu_tanh": 6, "hardsigmoid": 2, "hardswish": 4,
    "leaky_relu": 2, "mish": 10, "relu6": 1, "sigmoid": 4, "silu": 5, "tanh": 4,
}  # fmt: skip
"""Units of eps of the error, relative to |y|; of gelu and gelu_tanh to |x|, whose gates' two parts
cancel. exp errs by at most 1.5 (`kernels/cpu/exponential.py`), erf by 4 and tanh by 3; a product, a
sum or a quotient adds half a unit, and e^x enters n of mish squared."""


def units(g: ActivationGeometry) -> float:
    return UNITS[g.function]


@kernel("activation", name="elementwise", accuracy=Accuracy(bound=units))
def forward(x: np.ndarray, g: ActivationGeometry) -> np.ndarray:
    """x of any shape -> y of the same shape, type and memory order."""
    y = memory.empty_like(x)
    if x.size:
        LOOPS[g.function](memory.flat(x), memory.flat(y), x.dtype.type(g.alpha))
    return y


def _loop(function: Callable[..., Any]) -> Any:
    return numba.njit(parallel=True, cache=True, error_model="numpy", fastmath={"contract"})(
        function
    )


@_loop
def _exp(x, y, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        y[i] = exp(x[i])


@_loop
def _erf(x, y, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        y[i] = erf(x[i])


@_loop
def _tanh(x, y, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        y[i] = tanh(x[i])


@_loop
def _sigmoid(x, y, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        y[i] = sigmoid(x[i])


@_loop
def _silu(x, y, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        y[i] = silu(x[i])


@_loop
def _gelu(x, y, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        y[i] = gelu(x[i])


@_loop
def _gelu_tanh(x, y, alpha):  # type: ignore[no-untyped-def]
    doubled, cubic = x.dtype.type(DOUBLED), x.dtype.type(DOUBLED * CUBIC)
    for i in numba.prange(x.size):
        y[i] = x[i] / (ONE + exp(-x[i] * (doubled + cubic * (x[i] * x[i]))))


@_loop
def _mish(x, y, alpha):  # type: ignore[no-untyped-def]
    """From 20 on n / (n + 2) is 1 in float64 too, and e^x would overflow."""
    for i in numba.prange(x.size):
        t = exp(TWENTY if x[i] > TWENTY else x[i])
        n = t * (t + TWO)
        y[i] = x[i] * (n / (n + TWO))


@_loop
def _elu(x, y, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        y[i] = x[i] if x[i] > ZERO else alpha * expm1(ZERO if x[i] > ZERO else x[i])


@_loop
def _leaky_relu(x, y, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        y[i] = leaky_relu(x[i], alpha)


@_loop
def _relu6(x, y, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        y[i] = ZERO if x[i] < ZERO else SIX if x[i] > SIX else x[i]


@_loop
def _hardsigmoid(x, y, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        y[i] = hardsigmoid(x[i])


@_loop
def _hardswish(x, y, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        y[i] = hardswish(x[i])


LOOPS = {
    "elu": _elu, "erf": _erf, "exp": _exp, "gelu": _gelu, "gelu_tanh": _gelu_tanh,
    "hardsigmoid": _hardsigmoid, "hardswish": _hardswish, "leaky_relu": _leaky_relu,
    "mish": _mish, "relu6": _relu6, "sigmoid": _sigmoid, "silu": _silu, "tanh": _tanh,
}  # fmt: skip
"""Each is called with x and y, flat, and the parameter in their type."""
