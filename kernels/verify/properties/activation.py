"""Properties of activation functions, of softmax, and of their gradients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from kernels.bounds import eps
from kernels.contract.activation_geometry import FUNCTIONS, ActivationGeometry
from kernels.contract.registry import Kernel
from kernels.verify.calls import Call
from kernels.verify.operations.activation import one
from kernels.verify.property import agree, assume, holds, require, same

ODD = ("erf", "tanh")
PARTS = ("gelu", "gelu_tanh", "silu", "hardswish", "mish", "relu6", "leaky_relu", "elu")
"""Functions that are at most x in magnitude."""
COMPLEMENTS = ("gelu", "gelu_tanh", "silu", "hardswish")
"""x g(x), with g(x) + g(-x) = 1."""
LIMITS = {
    "elu": (np.inf, None), "erf": (1.0, -1.0), "exp": (np.inf, 0.0), "gelu": (np.inf, None),
    "gelu_tanh": (np.inf, None), "hardsigmoid": (1.0, 0.0), "hardswish": (np.inf, None),
    "leaky_relu": (np.inf, None), "mish": (np.inf, None), "relu6": (6.0, 0.0),
    "sigmoid": (1.0, 0.0), "silu": (np.inf, None), "tanh": (1.0, -1.0),
}  # fmt: skip
"""At plus and at minus infinity; None where the formula has infinity times 0."""


def run(kernel: Kernel, call: Call) -> np.ndarray:
    (result,) = call.run(kernel)
    return result


@holds("odd", "activation", fills=("normal", "scaled"), large=None)
def odd_functions_are_odd(kernel: Kernel, call: Call) -> None:
    """f(-x) = -f(x) to the last bit, of erf and tanh, and neither is above 1 in magnitude."""
    assume(call.g.function in ODD)
    y = run(kernel, call)
    same(run(kernel, call.but(x=-call.inputs["x"])), -y, "of the negative numbers")
    require(bool((np.abs(y) <= 1).all()), f"it reaches {np.abs(y).max(initial=0.0)}")


@holds("parts of the identity", "activation", fills=("normal", "scaled"), large=None)
def positive_and_negative_add_up(kernel: Kernel, call: Call) -> None:
    """A gate of x and that of -x add up to 1: f(x) - f(-x) = x, of GELU, SiLU and hardswish."""
    assume(call.g.function in COMPLEMENTS)
    x = call.inputs["x"].astype(np.float64)
    mirrored = call.but(x=-call.inputs["x"])
    bound = np.asarray(call.bound(kernel)[0]) + np.asarray(mirrored.bound(kernel)[0])
    agree(run(kernel, call).astype(np.float64) - run(kernel, mirrored), x, bound)


@holds("gates", "activation", fills=("normal", "scaled"), large=None)
def gated_values_lie_between_0_and_x(kernel: Kernel, call: Call) -> None:
    """Of x > 0 rectifiers give 0 to x, and the sigmoids 0 to 1 of any x: no bound is passed by a
    rounding."""
    x, y = call.inputs["x"], run(kernel, call)
    if call.g.function in ("sigmoid", "hardsigmoid"):
        require(bool(((y >= 0) & (y <= 1)).all()), "it leaves 0 to 1")
    assume(call.g.function in PARTS)
    inside = (y >= 0) & (y <= x)
    require(bool(inside[x > 0].all()), "it passes 0 or x")


@holds("values without a number", "activation", function=st.sampled_from([*FUNCTIONS]))
def nan_stays_and_infinity_is_the_limit(kernel: Kernel, call: Call, function: str) -> None:
    """NaN stays NaN; at infinity the value is the function's limit."""
    g = one(function, (9,))
    assume(call.served(kernel, g))
    above, below = LIMITS[function]
    ends = [np.nan, np.inf, -np.inf if below is not None else np.inf]
    expected = [np.nan, above, above if below is None else below]
    x, limits = (np.array(v * 3, call.dtype) for v in (ends, expected))
    same(run(kernel, replace(call, g=g).but(x=x)), limits, "with NaN and infinity")


@holds("large arguments", "activation", function=st.sampled_from([*FUNCTIONS]),
       exponent=st.integers(4, 100))  # fmt: skip
def large_values_reach_the_limit(kernel: Kernel, call: Call, function: str, exponent: int) -> None:
    """Of numbers up to 2^100 every value is that of the definition: no polynomial goes on beyond
    its range, and nothing overflows on the way."""
    g = one(function, (8,))
    assume(call.served(kernel, g))
    x = np.ldexp(np.array([1, -1, 1.5, -1.5, 1.25, -1.25, 1.1, -1.1]), exponent).astype(call.dtype)
    far = replace(call, g=g).but(x=x)
    (expected,), (bound,), result = far.its.in_float64(far), far.bound(kernel), run(kernel, far)
    with np.errstate(over="ignore"):
        rounded = expected.astype(call.dtype)
    finite = np.isfinite(rounded)
    same(result[~finite], rounded[~finite], "beyond the largest number")
    agree(result[finite], rounded[finite], np.broadcast_to(bound, finite.shape)[finite])


@holds("slope of the function", "activation_vjp", dtypes=(np.float64,), large=None)
def is_the_slope_of_the_function(kernel: Kernel, call: Call) -> None:
    """gx equals gy times the central difference of the definition, where that is smooth."""
    gy, x = call.inputs.values()
    h = eps(np.float64) ** (1 / 3)
    inside = np.abs(x) < 30
    for kink in (-3, 0, 3, 6):
        inside &= np.abs(x - kink) > 4 * h
    forward = [_value(call.g, np.where(inside, x, 1.0) + s * h) for s in (1, -1, 2, -2)]
    near, far = (forward[0] - forward[1]) / (2 * h), (forward[2] - forward[3]) / (4 * h)
    size = np.abs(forward[0]) + np.abs(x) + 1
    allowed = np.abs(gy) * (np.abs(near - far) + 32 * eps(np.float64) * size / h)
    allowed = allowed + call.bound(kernel)[0]
    gx = run(kernel, call)
    agree(np.where(inside, gx, 0), np.where(inside, gy * near, 0), allowed)


def _value(g: ActivationGeometry, x: np.ndarray) -> np.ndarray:
    forward = Call("activation", g, {"x": x})
    return np.asarray(forward.its.in_float64(forward)[0])


@holds("passes nothing else", "activation_vjp", "softmax_vjp")
def a_zero_gradient_stays_zero(kernel: Kernel, call: Call) -> None:
    """Where gy is 0, gx is 0."""
    gy = np.zeros_like(call.inputs["gy"])
    same(run(kernel, call.but(gy=gy)), gy, "of a gradient of zeros")


@holds("shares of a row", "softmax", fills=("normal", "integers"), large=None)
def shares_of_a_row_add_up(kernel: Kernel, call: Call) -> None:
    """The values of a row add up to 1, and the largest has the largest."""
    assume(call.inputs["x"].size)
    x, y = call.inputs["x"], run(kernel, call).astype(np.float64)
    bound = np.asarray(call.bound(kernel)[0]).sum(axis=-1)
    agree(y.sum(axis=-1), np.ones(call.g[:2]), bound)
    most = np.take_along_axis(y, x.argmax(axis=-1)[..., None], axis=-1)
    require(bool((most >= y).all()), "a smaller x has a larger share")


@holds("shifted rows", "softmax", fills=("integers",), large=None, by=st.integers(-(2**12), 2**12))
def a_shift_changes_nothing(kernel: Kernel, call: Call, by: int) -> None:
    """A number added to a row, exactly, changes no bit: only differences count, and no e^x
    overflows."""
    shifted = call.but(x=call.inputs["x"] + call.dtype.type(by))
    same(run(kernel, shifted), run(kernel, call), "of shifted rows")


@holds("masked", "softmax", seed=st.integers(0, 2**32 - 1), large=None)
def minus_infinity_has_no_share(kernel: Kernel, call: Call, seed: int) -> None:
    """Where x is minus infinity the share is 0, and the others are those of the row without it; a
    NaN makes its row NaN and no other."""
    assume(call.inputs["x"].size and call.g[2] > 1)
    rng = np.random.default_rng(seed)
    x = call.inputs["x"].copy()
    x[..., 1:] = np.where(rng.random(x[..., 1:].shape) < 0.3, -np.inf, x[..., 1:])
    masked = call.but(x=x)
    (bound,) = call.bound(kernel)
    agree(run(kernel, masked), masked.its.in_float64(masked)[0], 4 * np.max(bound))
    infected = call.inputs["x"].copy()
    infected[0, 0, rng.integers(call.g[2])] = np.nan
    y = run(kernel, call.but(x=infected))
    require(bool(np.isnan(y[0, 0]).all()), "a NaN is lost")
    require(not np.isnan(y.reshape(-1, call.g[2])[1:]).any(), "a NaN reaches another row")


@holds("rows that add up to 0", "softmax_vjp", large=None)
def gradients_of_a_row_add_up_to_0(kernel: Kernel, call: Call) -> None:
    """The values of a row of gx add up to 0, since a shift of x changes nothing."""
    gx = run(kernel, call).astype(np.float64)
    y, gy = (call.inputs[name].astype(np.float64) for name in ("y", "gy"))
    left = np.abs(1 - y.sum(axis=-1)) * np.abs((gy * y).sum(axis=-1))  # y is rounded
    bound = np.asarray(call.bound(kernel)[0]).sum(axis=-1) + left
    agree(gx.sum(axis=-1), np.zeros(call.g[:2]), bound)
