"""Properties at the ends of the number format: denormals, zeros, infinity, the largest numbers.

Each kind of value has a rule that follows from the arithmetic, so no bound is needed: products of
denormals with small integers are exact multiples of the smallest denormal; a single product is
rounded once; values that are moved keep every bit.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from kernels.bounds import gradually
from kernels.contract.norm_geometry import LRNGeometry
from kernels.contract.registry import Kernel
from kernels.definition.normalisation import Response
from kernels.verify.calls import OPERATIONS, Call
from kernels.verify.property import agree, assume, holds, require, same

seeds = st.integers(0, 2**32 - 1)
CONVOLUTIONS = ("conv2d", "conv2d_dgrad", "conv2d_wgrad")
LINEAR = tuple(name for name, its in OPERATIONS.items() if its.linear and its.whole)
PRODUCTS = "matmul", "batched_matmul"
MOVING = ("max_pool2d", "max_unpool2d_vjp", "patches_gather", "patches_fill", "concatenate",
          "plane_max")  # fmt: skip
RESPONSE = "local_response_norm"
SMALL = ("avg_pool2d", "avg_pool2d_vjp", "local_response_norm", "local_response_norm_vjp",
         "local_contrast_norm", "local_contrast_norm_vjp")  # fmt: skip
ROOM = 8.0
"""Of the largest number, for roundings and factors on the way."""


def _scaled(call: Call, factor: float) -> Call:
    """The call with its first linear operand, and the optional arrays, times a power of two."""
    first = call.its.linear[0]
    options = {k: v * call.dtype.type(factor) if isinstance(v, np.ndarray) else v
               for k, v in call.options.items()}  # fmt: skip
    changed = call.but(**{first: call.inputs[first] * call.dtype.type(factor)})
    return replace(changed, options=options)


@holds("denormals", *LINEAR, fills=("integers",), large=None, optional=True,
       applies=lambda kernel: kernel.exact)  # fmt: skip
def denormals_are_numbers(kernel: Kernel, call: Call) -> None:
    """Small integers times the smallest denormal give sums that are exact multiples of it: none is
    flushed to zero, as operand, product or result."""
    least = float(np.finfo(call.dtype).smallest_subnormal)
    (whole,) = call.its.in_float64(call)
    (result,) = _scaled(call, least).run(kernel)
    agree(result.astype(np.float64) / least, whole, 0.0, "in units of the smallest denormal")


@holds("any magnitude", *LINEAR, fills=("integers",), large=None, optional=True,
       applies=lambda kernel: kernel.exact, part=st.floats(-0.95, 0.95))  # fmt: skip
def no_magnitude_is_special(kernel: Kernel, call: Call, part: float) -> None:
    """Small integers times any power of two of the type's range give exact sums: nothing passes
    through a type of a smaller range."""
    ends = np.finfo(call.dtype)
    exponent = int(part * (-ends.minexp if part < 0 else ends.maxexp - 24))
    factor = 2.0**exponent
    (whole,) = call.its.in_float64(call)
    assume(np.abs(whole).max(initial=0.0) < 2**20)
    (result,) = _scaled(call, factor).run(kernel)
    agree(result.astype(np.float64) / factor, whole, 0.0, f"in units of 2^{exponent}")


@holds("largest numbers", *CONVOLUTIONS, *PRODUCTS, fills=("integers",), seed=seeds,
       applies=lambda kernel: kernel.exact)  # fmt: skip
def the_largest_numbers_pass(kernel: Kernel, call: Call, seed: int) -> None:
    """The largest finite number times 1, beside products of 0, is itself; times -1 its negative;
    times 2 infinity."""
    first, second = call.its.linear
    assume(call.inputs[first].size and call.inputs[second].size)
    rng = np.random.default_rng(seed)
    operand, other = (np.zeros_like(call.inputs[name]) for name in (first, second))
    operand.flat[rng.integers(operand.size)] = 1
    other.flat[rng.integers(other.size)] = rng.choice((1, -1, 2))
    unit = call.but(**{first: operand, second: other})
    (whole,) = unit.its.in_float64(unit)
    with np.errstate(over="ignore"):
        expected = (whole * float(np.finfo(call.dtype).max)).astype(call.dtype)
    (result,) = unit.but(**{first: operand * np.finfo(call.dtype).max}).run(kernel)
    same(result, expected, "with the largest finite number")


def _product(call: Call) -> tuple[int, int, int]:
    """The sizes of the matrix product that a tap is: channels, filters and pixels of a group."""
    if call.operation in PRODUCTS:
        M, N, K = call.g[-3:]
        return M, N, K
    g = call.g
    return g.C // g.groups, g.K // g.groups, g.N * g.P * g.Q


@holds("dead filters", *CONVOLUTIONS, *PRODUCTS, fills=("integers",), seed=seeds,
       value=st.sampled_from([np.nan, np.inf, -np.inf]), which=st.integers(0, 1),
       applies=lambda kernel: not kernel.skips_zeros)  # fmt: skip
def zero_times_nan_is_nan(kernel: Kernel, call: Call, seed: int, value: float, which: int) -> None:
    """A product of 0 with NaN or infinity is NaN, also where all of either operand is 0: a filter,
    a gradient, a matrix.
    A kernel whose BLAS leaves such products out declares `skips_zeros`. Products with one vector of
    length 1, where NumPy's BLAS does, are not tried."""
    first, second = call.its.linear if which else call.its.linear[::-1]
    assume(min(_product(call)) > 1)
    assume(call.inputs[first].size and call.inputs[second].size)
    where = int(np.random.default_rng(seed).integers(call.inputs[first].size))
    infected, alone = call.inputs[first].copy(), np.zeros_like(call.inputs[first])
    infected.flat[where], alone.flat[where] = value, 1
    other = call.inputs[second]
    dead = call.but(**{first: infected, second: np.zeros_like(other)})
    # The sums that have the product: padding, whose zeros a kernel may leave out, has none.
    (having,) = call.its.in_float64(call.but(**{first: alone, second: np.ones_like(other)}))
    with np.errstate(invalid="ignore"):
        (result,) = dead.run(kernel)
    lost = (having != 0) & ~np.isnan(result)
    require(not lost.any(), f"{int(lost.sum())} sums of 0 times {value} are not NaN")


@holds("moved bits", *MOVING, large=None, seed=seeds)
def moved_values_keep_every_bit(kernel: Kernel, call: Call, seed: int) -> None:
    """Denormals, zeros of both signs, infinities and the largest numbers are moved as they are."""
    special = _ends(call, seed, nan=False)
    result, expected = special.run(kernel)[0], special.its.in_float64(special)[0]
    with np.errstate(over="ignore"):
        same(result, expected.astype(call.dtype), "values at the ends of the number format")
    if call.operation not in ("max_pool2d", "plane_max"):  # where equal zeros compete
        wrong = np.signbit(result) != np.signbit(expected)
        require(not wrong.any(), f"{int(wrong.sum())} zeros have another sign")


def _ends(call: Call, seed: int, nan: bool) -> Call:
    """The call with many of its values replaced by those at the ends of the number format."""
    rng, ends = np.random.default_rng(seed), np.finfo(call.dtype)
    least = float(ends.smallest_subnormal)
    some = [0.0, -0.0, least, -least, float(ends.tiny), float(ends.max), float(ends.min)]
    some += [np.inf, -np.inf, *([np.nan] if nan else [])]

    def changed(a: np.ndarray) -> np.ndarray:
        if a.dtype.kind != "f":
            return a
        replaced = rng.choice(np.array(some), a.shape).astype(a.dtype)
        return np.where(rng.random(a.shape) < 0.6, replaced, a)

    return replace(call.each(changed), g=call.g)


@holds("ends rectified", "relu", "relu_vjp", large=None, seed=seeds)
def rectified_values_keep_every_bit(kernel: Kernel, call: Call, seed: int) -> None:
    """Denormals and the largest numbers pass, NaN too; what is below zero becomes 0, not -0."""
    special = _ends(call, seed, nan=call.operation == "relu")
    (result,), (expected,) = special.run(kernel), special.its.in_float64(special)
    same(result, expected.astype(call.dtype), "values at the ends of the number format")
    negative = (special.inputs["x"] < 0) & np.signbit(result)
    require(not negative.any(), f"{int(negative.sum())} values below zero have become -0")


@holds("large responses", RESPONSE, fills=("normal", "positive"), part=st.floats(0.1, 0.5))
def large_values_do_not_overflow(kernel: Kernel, call: Call, part: float) -> None:
    """Values up to the root of the type's largest number are normalised like others, as long as
    the sum of their squares and its power are finite: nothing else overflows."""
    ends = np.finfo(call.dtype)
    loud = call.but(x=call.inputs["x"] * call.dtype.type(2.0 ** int(part * ends.maxexp)))
    assume(_finite(loud.inputs["x"], call.g, ROOM * float(ends.tiny)))
    (result,), (expected,), (bound,) = (
        loud.run(kernel),
        loud.its.in_float64(loud),
        loud.bound(kernel),
    )
    agree(result, expected, bound)


def _finite(x: np.ndarray, g: LRNGeometry, least: float) -> bool:
    """Whether the sums of squares, and the powers of t and their reciprocals, are above `least` and
    below its reciprocal: kernels divide by the power, or multiply by its reciprocal."""
    most, top = -math.log2(least), float(np.abs(x).max(initial=1.0))
    if 2 * math.log2(top) + math.log2(g.size) >= most:
        return False
    return g.beta * math.log2(float(Response(x, g).t.max(initial=1.0))) < most


@holds("averages' range", "avg_pool2d", "avg_pool2d_vjp", fills=("integers",),
       exponent=st.integers(-120, 100))  # fmt: skip
def averages_scale(kernel: Kernel, call: Call, exponent: int) -> None:
    """Averages of values of any magnitude, whose sums are finite, are within the bound."""
    loud = _scaled(call, 2.0**exponent)
    (result,), (expected,), (bound,) = (
        loud.run(kernel),
        loud.its.in_float64(loud),
        loud.bound(kernel),
    )
    agree(result, expected, bound)


@holds("gradual underflow", *SMALL, applies=lambda kernel: kernel.exact,
       exponent=st.integers(1, 16))  # fmt: skip
def denormal_results_are_kept(kernel: Kernel, call: Call, exponent: int) -> None:
    """Operands below the smallest normal number give results there, off by roundings to multiples
    of the smallest denormal: none is flushed to zero."""
    name = call.its.linear[0] if call.its.linear else "x"
    factor = call.dtype.type(2.0**-exponent) * np.finfo(call.dtype).tiny
    small = call.but(**{name: call.inputs[name] * factor})
    with gradually():
        (result, *_), (expected, *_) = small.run(kernel), small.its.in_float64(small)
        agree(result, expected, small.bound(kernel)[0])
