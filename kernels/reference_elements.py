"""Activation functions and softmax, with their gradients, as formulas in float64: the definitions.

Each function of one number and its derivative stand side by side. No code is shared with the
kernels.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from kernels.contract.activation_geometry import ActivationGeometry

Function = Callable[[float, float], float]
ROOT_2_PI, CUBIC = math.sqrt(2 / math.pi), 0.044715


def _exp(x: float) -> float:
    return math.exp(x) if x < 709.78 else math.inf if x == x else x


def _sigmoid(x: float) -> float:
    return 1 / (1 + _exp(-x))


def _sigmoid_slope(x: float) -> float:
    e = _exp(-abs(x))
    return e / (1 + e) ** 2


def _tanh_slope(x: float) -> float:
    return 4 * _sigmoid_slope(2 * x)


def _normal(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


def _density(x: float) -> float:
    return _exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _inner(x: float) -> float:
    """u of the form of GELU with tanh."""
    return ROOT_2_PI * (x + CUBIC * x**3)


def _gelu_tanh_slope(x: float) -> float:
    inner = ROOT_2_PI * (1 + 3 * CUBIC * x * x)
    return _sigmoid(2 * _inner(x)) + 2 * x * _sigmoid_slope(2 * _inner(x)) * inner


def _mish_gate(x: float) -> float:
    n = _exp(min(x, 20.0)) * (_exp(min(x, 20.0)) + 2)
    return n / (n + 2)


def _mish_slope(x: float) -> float:
    gate, n = _mish_gate(x), _exp(min(x, 20.0)) * (_exp(min(x, 20.0)) + 2)
    return gate + x * _sigmoid(x) * (1 + gate) * 2 / (n + 2)


def _ramp(x: float) -> float:
    return min(max(x + 3, 0.0), 6.0) / 6


def _hardswish_slope(x: float) -> float:
    return 0.0 if x <= -3 else 1.0 if x >= 3 else x / 3 + 0.5


FORMULAS: dict[str, tuple[Function, Function]] = {
    "elu": (
        lambda x, alpha: x if x > 0 else alpha * math.expm1(x),
        lambda x, alpha: 1.0 if x > 0 else alpha * _exp(x),
    ),
    "erf": (
        lambda x, _: math.erf(x),
        lambda x, _: 2 / math.sqrt(math.pi) * _exp(-x * x),
    ),
    "exp": (lambda x, _: _exp(x), lambda x, _: _exp(x)),
    "gelu": (lambda x, _: x * _normal(x), lambda x, _: _normal(x) + x * _density(x)),
    "gelu_tanh": (
        lambda x, _: x * _sigmoid(2 * _inner(x)),
        lambda x, _: _gelu_tanh_slope(x),
    ),
    "hardsigmoid": (lambda x, _: _ramp(x), lambda x, _: 1 / 6 if -3 < x < 3 else 0.0),
    "hardswish": (lambda x, _: x * _ramp(x), lambda x, _: _hardswish_slope(x)),
    "leaky_relu": (
        lambda x, alpha: x if x > 0 else alpha * x,
        lambda x, alpha: 1.0 if x > 0 else alpha,
    ),
    "mish": (lambda x, _: x * _mish_gate(x), lambda x, _: _mish_slope(x)),
    "relu6": (lambda x, _: min(max(x, 0.0), 6.0), lambda x, _: 1.0 if 0 < x < 6 else 0.0),
    "sigmoid": (lambda x, _: _sigmoid(x), lambda x, _: _sigmoid_slope(x)),
    "silu": (
        lambda x, _: x * _sigmoid(x),
        lambda x, _: _sigmoid(x) + x * _sigmoid_slope(x),
    ),
    "tanh": (lambda x, _: math.tanh(x), lambda x, _: _tanh_slope(x)),
}
"""Of a number and the parameter: the function, and its derivative."""


def activation(x: np.ndarray, g: ActivationGeometry) -> np.ndarray:
    """y = f(x)."""
    function, _ = FORMULAS[g.function]
    # any shape -> (size,) -> any shape
    return np.array([function(v, g.alpha) for v in x.reshape(-1).tolist()]).reshape(x.shape)


def activation_vjp(gy: np.ndarray, x: np.ndarray, g: ActivationGeometry) -> np.ndarray:
    """gx = gy f'(x)."""
    _, slope = FORMULAS[g.function]
    # any shape -> (size,)
    pairs = zip(gy.reshape(-1).tolist(), x.reshape(-1).tolist(), strict=True)
    # (size,) -> x's shape
    return np.array([each * slope(v, g.alpha) for each, v in pairs]).reshape(x.shape)


def softmax(x: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """y = e^x over its sum along the last axis; x (B,M,N), minus its maximum first."""
    y = np.zeros(shape)
    for b, m in np.ndindex(shape[:2]):
        row = x[b, m].tolist()
        most = max(row, default=0.0)
        total = math.fsum(_exp(v - most) for v in row)
        for n, v in enumerate(row):
            y[b, m, n] = _exp(v - most) / total
    return y


def softmax_vjp(gy: np.ndarray, y: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """gx = y (gy - the sum of gy y along the last axis); y (B,M,N) is the softmax."""
    gx = np.zeros(shape)
    for b, m in np.ndindex(shape[:2]):
        gys, ys = gy[b, m].tolist(), y[b, m].tolist()
        along = math.fsum(p * q for p, q in zip(gys, ys, strict=True))
        for n in range(shape[2]):
            gx[b, m, n] = ys[n] * (gys[n] - along)
    return gx
