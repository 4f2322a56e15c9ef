"""Calls of pooling with switches, of unpooling, of averages, and of their transposes."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.bounds import of_kernel
from kernels.contract.geometry import PoolGeometry
from kernels.contract.probe import supports
from kernels.contract.problem import FLOAT32, Problem
from kernels.contract.registry import Kernel
from kernels.definition import pooling
from kernels.verify.arrays import integers
from kernels.verify.calls import Bounds, Call, Sum, operation
from kernels.verify.candidates import among
from kernels.verify.geometries import pairs_to, pool_geometries
from kernels.verify.operations.planes import Planes

COLLISIONS = ("sum", "max", "last")
FLOAT64 = np.dtype(np.float64)
Pair = tuple[int, int]


WINDOWS, STRIDES = pairs_to(5), pairs_to(4)
LARGE = {"least": 1, "beyond": 20, "most_channels": 70}
"""Planes and channels larger than the blocks of an algorithm."""


class Pooling(Planes):
    """Its one float array `operand` has the shape of x or of y."""

    oracle = pooling
    operand: str

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[PoolGeometry]:
        if _plain(kernel) is None:
            return among(kernel, large)
        sizes: dict[str, Any] = LARGE if large else {"least": 0}
        return pool_geometries(**sizes, **_served(kernel))

    def shapes(self, g: PoolGeometry) -> dict[str, tuple[int, ...]]:
        return {self.operand: g.x_shape if self.operand in ("x", "gx") else g.y_shape}


class Unpooling(Pooling):
    """`switches` are those of pooling small integers, where overlapping windows often share one."""

    def fill(
        self, g: PoolGeometry, fill: str, rng: np.random.Generator, dtype: Any
    ) -> dict[str, np.ndarray]:
        _, switches = pooling.max_pool2d(integers(g.x_shape, rng, np.float64), g)
        return {**super().fill(g, fill, rng, dtype), "switches": switches}


class Average(Sum, Pooling):
    """Each result is a sum of at most R S products with 1 / divisor, rounded once more."""

    def chain(self, g: PoolGeometry) -> int:
        return g.R * g.S + 2

    def absolute(self, kernel: Kernel, call: Call) -> np.ndarray:
        return self.precisely(call.each(np.abs))

    def precisely(self, call: Call) -> np.ndarray:
        (result,) = self.at_large(call)
        return result


@operation
class MaxPool(Pooling):
    name, operand = "max_pool2d", "x"
    returns = "y (N,C,P,Q)", "switches (N,C,P,Q) int32"

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        return 0.0, 0.0


@operation
class MaxUnpool(Unpooling):
    name, operand, linear, whole = "max_unpool2d", "y", ("y",), True

    def options(self, kernel: Kernel, g: PoolGeometry) -> dict[str, st.SearchStrategy[str]]:
        laws = [law for law in COLLISIONS if supports(kernel, Problem(g, FLOAT64, collisions=law))]
        return {"collisions": st.sampled_from(laws or COLLISIONS)}

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        """At most R S windows collide in a pixel, where "sum" rounds and the other laws select."""
        if call.options.get("collisions", "sum") != "sum":
            return (0.0,)
        (absolute,) = self.at_large(call.each(np.abs))
        return (of_kernel(kernel, call.g, absolute, call.dtype, call.g.R * call.g.S),)


@operation
class MaxUnpoolVjp(Unpooling):
    name, operand, linear, whole = "max_unpool2d_vjp", "gx", ("gx",), True


@operation
class AveragePool(Average):
    name, operand, linear = "avg_pool2d", "x", ("x",)


@operation
class AveragePoolVjp(Average):
    name, operand, linear = "avg_pool2d_vjp", "gy", ("gy",)


def summed(call: Call) -> Call:
    """The call with collisions="sum", the linear law, if it has laws of collisions."""
    laws = {"collisions": "sum"} if "collisions" in call.options else {}
    return replace(call, options=call.options | laws)


def _served(kernel: Kernel) -> dict[str, Any]:
    """The ranges of `pool_geometries` without values for which `kernel` serves no plain pooling."""
    plain = _plain(kernel)
    if plain is None:
        return {"windows": WINDOWS, "strides": STRIDES}
    size, stride = plain
    sizes = [v for v in WINDOWS if _serves(kernel, v, stride)]
    modes = [v for v in (False, True) if _serves(kernel, size, stride, ceil_mode=v)]
    return {
        "windows": sizes,
        "strides": [v for v in STRIDES if _serves(kernel, size, v)],
        "most_dilated": 2 if _serves(kernel, size, stride, dilation=2) else 1,
        "padded": _serves(kernel, size, stride, -1) or _serves(kernel, sizes[-1], stride, 1),
        "ceil_mode": st.sampled_from(modes),
        "fewest_channels": _fewest(kernel, size, stride),
    }


@lru_cache(maxsize=256)
def _plain(kernel: Kernel) -> tuple[Pair, Pair] | None:
    """The first (window, stride) that the kernel serves without padding and dilation."""
    return next((v for v in product(WINDOWS, STRIDES) if _serves(kernel, *v)), None)


def _serves(kernel: Kernel, size: Pair, stride: Pair, padding: int = 0, **settings: Any) -> bool:
    """True if it serves a pooling of 61 x 61 pixels with 64 channels, in float32."""
    if 2 * padding > min(size):
        return False  # no window may consist of padding alone
    g = PoolGeometry.of((2, 64, 61, 61), size, stride, padding, **settings)
    return supports(kernel, g)


def _fewest(kernel: Kernel, size: Pair, stride: Pair) -> tuple[int, ...]:
    """The fewest channels that it serves, in float32 and in float64; often a whole vector."""
    g = PoolGeometry.of((2, 1, 61, 61), size, stride)
    some = (1, 2, 4, 8, 16, 32, 64)
    found = {
        next((C for C in some if supports(kernel, Problem(replace(g, C=C), dtype))), 1)
        for dtype in (FLOAT32, FLOAT64)
    }
    return tuple(sorted(found))
