"""Gradients of activation functions: gx = gy f'(x) of every element.

The derivatives are written so that nothing cancels but where the derivative itself does, at its
zero: with e = e^-|x| at most 1,

    sigmoid'   s (1 - s) = e / (1 + e)^2                tanh'   1 - t^2 = 4 q / (1 + q)^2, q = e^2
    silu'      s + x s (1 - s)                          gelu'   Phi(x) + x phi(x)
    mish'      g + x s 2 (1 + g) / (n + 2), g = n / (n + 2)

At the bounds of hardsigmoid, hardswish and relu6 the derivative is PyTorch's. Two reads and one
write per element, 12 bytes in float32: limited by memory, or by the polynomial of exp.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from kernels.activation.elementwise import CUBIC, DOUBLED, TWENTY, TWO, _loop
from kernels.contract import memory
from kernels.contract.activation_geometry import ActivationGeometry
from kernels.contract.declarations import Accuracy
from kernels.contract.registry import kernel
from kernels.cpu.activations import SIX, THREE, ZERO
from kernels.cpu.elementary import HALF, ONE, exp, normal

MILLION = np.float32(1e6)
DENSITY, ERF_SLOPE = 1 / math.sqrt(2 * math.pi), 2 / math.sqrt(math.pi)
UNITS = {
    "elu": 4, "erf": 6, "exp": 3, "gelu": 8, "gelu_tanh": 12, "hardsigmoid": 2, "hardswish": 3,
    "leaky_relu": 2, "mish": 24, "relu6": 1, "sigmoid": 7, "silu": 10, "tanh": 8,
}  # fmt: skip
"""Units of eps of the error, relative to |gy| times the derivative's terms in absolute value."""


def units(g: ActivationGeometry) -> float:
    return UNITS[g.function]


@kernel("activation_vjp", name="elementwise", accuracy=Accuracy(bound=units))
def vjp(gy: np.ndarray, x: np.ndarray, g: ActivationGeometry) -> np.ndarray:
    """gy, x of one shape -> gx of the same shape and type."""
    gx = memory.empty_like(x)
    if x.size:
        flat = memory.flat(gy), memory.flat(x), memory.flat(gx)
        LOOPS[g.function](*flat, x.dtype.type(g.alpha))
    return gx


@numba.njit(cache=True, inline="always")
def _share(x):  # type: ignore[no-untyped-def]
    """e^-|x|; NaN stays NaN."""
    return exp(-x if x > ZERO else x)


@_loop
def _exp(gy, x, gx, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        gx[i] = gy[i] * exp(x[i])


@_loop
def _erf(gy, x, gx, alpha):  # type: ignore[no-untyped-def]
    slope = x.dtype.type(ERF_SLOPE)
    for i in numba.prange(x.size):
        gx[i] = gy[i] * (slope * exp(-(x[i] * x[i])))


@_loop
def _sigmoid(gy, x, gx, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        e = _share(x[i])
        gx[i] = gy[i] * (e / ((ONE + e) * (ONE + e)))


@_loop
def _tanh(gy, x, gx, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        q = _share(TWO * x[i])
        gx[i] = gy[i] * (TWO * TWO * q / ((ONE + q) * (ONE + q)))


@_loop
def _silu(gy, x, gx, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        e = _share(x[i])
        s = ONE / (ONE + e)
        gate = s if x[i] > ZERO else e * s
        gx[i] = gy[i] * (gate + x[i] * (e * s * s))


@_loop
def _gelu(gy, x, gx, alpha):  # type: ignore[no-untyped-def]
    density = x.dtype.type(DENSITY)
    for i in numba.prange(x.size):
        phi = density * exp(-HALF * (x[i] * x[i]))
        gx[i] = gy[i] * (normal(x[i]) + x[i] * phi)


@_loop
def _gelu_tanh(gy, x, gx, alpha):  # type: ignore[no-untyped-def]
    """Squares are bounded where e is 0 long since: infinity times 0 would be NaN."""
    doubled, cubic = x.dtype.type(DOUBLED), x.dtype.type(DOUBLED * CUBIC)
    for i in numba.prange(x.size):
        square = x[i] * x[i]
        square = MILLION if square > MILLION else square
        u = x[i] * (doubled + cubic * square)
        e = _share(u)
        s = ONE / (ONE + e)
        gate = s if u > ZERO else e * s
        gx[i] = gy[i] * (gate + x[i] * (e * s * s) * (doubled + THREE * cubic * square))


@_loop
def _mish(gy, x, gx, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        t = exp(TWENTY if x[i] > TWENTY else x[i])
        n = t * (t + TWO)
        gate, s = n / (n + TWO), t / (ONE + t)
        gx[i] = gy[i] * (gate + x[i] * s * (TWO / (n + TWO)) * (ONE + gate))


@_loop
def _elu(gy, x, gx, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        gx[i] = gy[i] * alpha * exp(x[i]) if x[i] <= ZERO else gy[i]


@_loop
def _leaky_relu(gy, x, gx, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        gx[i] = gy[i] if x[i] > ZERO else gy[i] * alpha


@_loop
def _relu6(gy, x, gx, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        gx[i] = ZERO if (x[i] <= ZERO) | (x[i] >= SIX) else gy[i]


@_loop
def _hardsigmoid(gy, x, gx, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        gx[i] = gy[i] / SIX if (x[i] > -THREE) & (x[i] < THREE) else ZERO


@_loop
def _hardswish(gy, x, gx, alpha):  # type: ignore[no-untyped-def]
    for i in numba.prange(x.size):
        inside = ZERO if x[i] <= -THREE else gy[i] * (x[i] / THREE + HALF)
        gx[i] = inside if x[i] < THREE else gy[i]


LOOPS = {
    "elu": _elu, "erf": _erf, "exp": _exp, "gelu": _gelu, "gelu_tanh": _gelu_tanh,
    "hardsigmoid": _hardsigmoid, "hardswish": _hardswish, "leaky_relu": _leaky_relu,
    "mish": _mish, "relu6": _relu6, "sigmoid": _sigmoid, "silu": _silu, "tanh": _tanh,
}  # fmt: skip
"""Each is called with gy, x and gx, flat, and the parameter in their type."""
