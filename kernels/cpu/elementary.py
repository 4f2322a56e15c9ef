"""Elementary functions of a float32 or a float64, for compiled loops over both types.

In float32 they are polynomials that vectorise, in float64 those of libm. Constants beside them in a
loop are float32 numbers that are exact (`ONE`): times a float64 they give a float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types
from numba.core.extending import overload

from kernels.cpu.error_function import erf32
from kernels.cpu.exponential import exp32, expm1_32
from kernels.cpu.hyperbolic_tangent import tanh32

ROOT_HALF, ROOT_HALF64 = np.float32(math.sqrt(0.5)), math.sqrt(0.5)
HALF, ONE = np.float32(0.5), np.float32(1)


def _by_type(single: Any, double: Any) -> Callable[..., Any]:
    """A function for compiled code: `single` of a float32, `double` of a float64."""

    def function(x: Any) -> Any:
        raise NotImplementedError("it is for compiled code")

    def choose(x):  # type: ignore[no-untyped-def]
        if x == types.float32:
            return lambda x: single(x)
        return lambda x: double(x)

    overload(function, inline="always")(choose)
    return function


@numba.njit(cache=True, inline="always")
def _exp64(x):  # type: ignore[no-untyped-def]
    return math.exp(x)


@numba.njit(cache=True, inline="always")
def _expm1_64(x):  # type: ignore[no-untyped-def]
    return math.expm1(x)


@numba.njit(cache=True, inline="always")
def _tanh64(x):  # type: ignore[no-untyped-def]
    return math.tanh(x)


@numba.njit(cache=True, inline="always")
def _erf64(x):  # type: ignore[no-untyped-def]
    return math.erf(x)


@numba.njit(cache=True, inline="always")
def _normal32(x):  # type: ignore[no-untyped-def]
    return HALF * (ONE + erf32(x * ROOT_HALF))


@numba.njit(cache=True, inline="always")
def _normal64(x):  # type: ignore[no-untyped-def]
    return HALF * (ONE + math.erf(x * ROOT_HALF64))


exp = _by_type(exp32, _exp64)
expm1 = _by_type(expm1_32, _expm1_64)
"""Of a number that is at most 0."""
tanh = _by_type(tanh32, _tanh64)
erf = _by_type(erf32, _erf64)
normal = _by_type(_normal32, _normal64)
"""The normal distribution function, (1 + erf(x / sqrt(2))) / 2."""
