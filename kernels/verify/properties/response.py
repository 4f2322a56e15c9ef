"""Properties of local response normalisation across channels, y = x / t^beta."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from kernels.bounds import eps, rounding, same_bits
from kernels.contract.registry import Kernel
from kernels.definition.normalisation import Response
from kernels.verify.calls import Call
from kernels.verify.property import agree, assume, holds, require

FORWARD, VJP = "local_response_norm", "local_response_norm_vjp"


def run(kernel: Kernel, call: Call) -> np.ndarray:
    (result,) = call.run(kernel)
    return result


@holds("response's limit", FORWARD, fills=("normal", "integers", "scaled"), large=True)
def a_response_keeps_its_sign_and_does_not_grow(kernel: Kernel, call: Call) -> None:
    """y has the sign of x, and t is at least k, so |y| is at most |x| / k^beta."""
    x, y, (bound,) = call.inputs["x"], run(kernel, call), call.bound(kernel)
    wrong = np.sign(x) != np.sign(y)
    require(not wrong.any(), f"{int(wrong.sum())} results have another sign than x")
    limit = np.abs(x.astype(np.float64)) * call.g.k**-call.g.beta
    agree(np.maximum(np.abs(y) - limit, 0), np.zeros(y.shape), bound + 4 * eps(np.float64) * limit)


@holds("response scale", FORWARD, exponent=st.integers(-10, 10))
def alpha_makes_up_for_scale(kernel: Kernel, call: Call, exponent: int) -> None:
    """2^n x with alpha / 4^n has the same t, bit for bit, and the result 2^n y."""
    g = call.g
    factor = call.dtype.type(2.0**exponent)
    scaled = replace(call, g=replace(g, alpha=g.alpha * 4.0**-exponent))
    assume(scaled.served(kernel))
    agree(run(kernel, scaled.but(x=call.inputs["x"] * factor)), run(kernel, call) * factor)


@holds("common factor", FORWARD, fills=("normal", "integers"), factor=st.sampled_from([0.25, 4, 9]))
def a_factor_of_t_divides_by_its_power(kernel: Kernel, call: Call, factor: float) -> None:
    """With k and alpha both multiplied by a factor, y is divided by factor^beta."""
    g = call.g
    other = replace(call, g=replace(g, alpha=g.alpha * factor, k=g.k * factor))
    assume(other.served(kernel))
    expected = run(kernel, call).astype(np.float64) * factor**-g.beta
    bound = other.bound(kernel)[0] + call.bound(kernel)[0] * factor**-g.beta
    agree(run(kernel, other), expected, bound + 4 * eps(np.float64) * np.abs(expected))


@holds("loud channel", FORWARD, VJP, large=True, seed=st.integers(0, 2**32 - 1))
def a_loud_channel_leaves_no_rounding_beyond_its_window(
    kernel: Kernel, call: Call, seed: int
) -> None:
    """A channel of very large values leaves the bits of all channels unchanged whose windows do not
    contain it; in the gradient, of those that share no window with it."""
    g, x = call.g, call.inputs["x"].copy()
    loud = int(np.random.default_rng(seed).integers(g.C))
    x[:, loud] = 1e6
    away = np.arange(g.C) - loud  # a window covers channels c - before to c + after
    below, above = (g.size - 1, g.size - 1) if call.operation == VJP else (g.after, g.before)
    beyond = (away < -below) | (away > above)
    result, before = run(kernel, call.but(x=x)), run(kernel, call)
    require(
        same_bits(result[:, beyond], before[:, beyond]),
        f"a loud channel {loud} changes channels whose windows of {g.size} do not hold it",
    )


@holds("Euler's identity", VJP, fills=("normal", "integers"))
def the_gradient_along_x_follows_from_homogeneity(kernel: Kernel, call: Call) -> None:
    """The derivative of y_c along x is y_c (1 - 2 beta (t_c - k) / t_c), which gives <gx, x> at
    every pixel."""
    g, (gy, x) = call.g, (a.astype(np.float64) for a in call.inputs.values())
    parts = Response(x, g)
    terms = gy * parts.y * (1 - 2 * g.beta * (parts.t - g.k) / parts.t)
    products = run(kernel, call) * x
    magnitude = np.abs(products) + np.abs(gy * parts.y) * (1 + 2 * g.beta)
    # In float64: the powers and quotients of `terms`, t of size + 6 roundings, a sum of C terms.
    units = (g.beta + 1) * (g.size + 6) + 16 + g.C
    allowed = np.abs(x) * call.bound(kernel)[0] + rounding(units, magnitude, np.float64)
    agree(products.sum(axis=1), terms.sum(axis=1), allowed.sum(axis=1))
