"""Properties of local contrast normalisation: the paper's invariances, and the gradient."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.bounds import eps, rounding, same_bits
from kernels.contract.registry import Kernel
from kernels.definition.normalisation import Contrast
from kernels.verify.calls import OPERATIONS, Call
from kernels.verify.contrast_bounds import ContrastBounds
from kernels.verify.operations.normalisation import ContrastNorm, LocalContrastNorm
from kernels.verify.operations.planes import planes
from kernels.verify.property import agree, assume, holds, require

FORWARD, VJP = "local_contrast_norm", "local_contrast_norm_vjp"
levels = st.one_of(st.sampled_from([0.0, 0.1, -1e6]), st.floats(-1e6, 1e6, width=32))


def unit(kernel: Kernel, call: Call) -> float:
    its = OPERATIONS[call.operation]
    assert isinstance(its, ContrastNorm)
    return its.unit(kernel, call)


def run(kernel: Kernel, call: Call) -> np.ndarray:
    (result,) = call.run(kernel)
    return result


def both(kernel: Kernel, call: Call) -> tuple[np.ndarray, Any]:
    """y and the saved arrays, m and sigma."""
    its = call.its
    assert isinstance(its, LocalContrastNorm)
    return its.both(kernel, call)


def corrected(kernel: Kernel, call: Call) -> Call:
    """The call with border "corrected": weights inside the plane are scaled to sum to 1."""
    call = replace(call, g=replace(call.g, border="corrected"))
    assume(call.served(kernel))
    return call


@holds("offset", FORWARD, offset=st.integers(-1000, 1000))
def an_offset_changes_nothing(kernel: Kernel, call: Call, offset: int) -> None:
    """With the corrected border, x + constant has the same result as x."""
    call = corrected(kernel, call)
    x = np.round(call.inputs["x"] * 64) / 64  # so that adding an integer is exact
    shifted, plain = call.but(x=x + call.dtype.type(offset)), call.but(x=x)
    bound = shifted.bound(kernel)[0] + plain.bound(kernel)[0]
    agree(run(kernel, shifted), run(kernel, plain), bound)


@holds("far from zero", FORWARD, VJP, offset=st.sampled_from([1e2, -1e4]))
def it_is_exact_far_from_zero(kernel: Kernel, call: Call, offset: float) -> None:
    """Values far from 0 that differ little lose no more digits than their subtraction loses. The
    variance as mean of squares minus square of the mean would lose more."""
    far = call.but(x=call.inputs["x"] + call.dtype.type(offset))
    agree(run(kernel, far), planes(far).at_large(far)[0], far.bound(kernel)[0])


@holds("contrast scale", FORWARD, exponent=st.integers(0, 40))
def scale_changes_no_bit_above_the_floor(kernel: Kernel, call: Call, exponent: int) -> None:
    """Where the floor is not the divisor, 2^n x has the same result as x, bit for bit."""
    x = call.inputs["x"]
    assume(Contrast(x, call.g).c.min(initial=np.inf) > 2 * call.g.floor)
    scaled = call.but(x=x * call.dtype.type(2.0**exponent))
    agree(run(kernel, scaled), run(kernel, call))


@holds("below the floor", FORWARD, exponent=st.integers(1, 20))
def it_is_linear_below_the_floor(kernel: Kernel, call: Call, exponent: int) -> None:
    """Where the floor is the divisor, halving x halves the result, bit for bit."""
    faint = call.inputs["x"] * call.dtype.type(2.0**-40)
    fainter = faint * call.dtype.type(2.0**-exponent)
    result = run(kernel, call.but(x=fainter)) * call.dtype.type(2.0**exponent)
    agree(result, run(kernel, call.but(x=faint)))


@holds("contrast's limit", FORWARD, fills=("normal", "scaled"), large=True)
def no_value_exceeds_what_its_own_deviation_allows(kernel: Kernel, call: Call) -> None:
    """sigma is at least |v| times the root of the pixel's own weight, so |y| is at most
    1 / that root."""
    g, (bound,) = call.g, call.bound(kernel)
    own = g.window()[g.size // 2] ** 2 / g.C
    own = own / g.coverage() if g.border == "corrected" else own * np.ones((g.H, g.W))
    limit = np.broadcast_to(own**-0.5, g.x_shape)
    excess = np.maximum(np.abs(run(kernel, call)) - limit, 0)
    agree(excess, np.zeros(g.x_shape), bound + 4 * np.finfo(np.float64).eps * limit)


@holds("saved", FORWARD, fills=("normal", "integers"))
def what_is_saved_are_its_parts(kernel: Kernel, call: Call) -> None:
    """Beside y, (m, sigma) are returned, each (N,H,W) float64. y times the divisor computed from
    sigma is x - m."""
    g, x = call.g, call.inputs["x"]
    y, (m, sigma) = both(kernel, call)
    require(m.dtype == sigma.dtype == np.float64, f"saved: {m.dtype} and {sigma.dtype}")
    parts, off = ContrastBounds(x, g), unit(kernel, call)
    agree(m, parts.m[:, 0], (off * parts.largest)[:, 0], "m")
    agree(sigma, parts.sigma[:, 0], (3 * off * parts.largest)[:, 0], "sigma")
    d = np.maximum(np.maximum(sigma, sigma.mean(axis=(1, 2), keepdims=True)), g.floor)[:, None]
    magnitude = np.abs(y * d)
    allowed = off * (parts.largest + magnitude) + eps(call.dtype) * magnitude
    agree(y * d, x - m[:, None], allowed + np.finfo(call.dtype).tiny * d, "y d")


@holds("flat sigma", FORWARD, large=True, level=levels, part=st.floats(0, 1))
def the_deviation_of_a_flat_region_is_zero(
    kernel: Kernel, call: Call, level: float, part: float
) -> None:
    """In a flat region the saved sigma is 0, not a rounding error. Otherwise the gradient there
    would be that of the rounding error, and would depend on the level."""
    call = corrected(kernel, call)
    x, flat = _flattened(call, level, part)
    _, (_, sigma) = both(kernel, call.but(x=x))
    # Columns whose receptive field reaches into the rest of the plane.
    beyond = 2 * (call.g.size // 2) if flat < call.g.W else 0
    inner = sigma[:, :, : max(flat - beyond, 0)]
    agree(inner, np.zeros_like(inner))


@holds("flat channels", FORWARD, dtypes=(np.float64,), channels=st.integers(1000, 9000),
       level=st.floats(0.1, 1e3))  # fmt: skip
def the_deviation_of_many_equal_channels_is_zero(
    kernel: Kernel, call: Call, channels: int, level: float
) -> None:
    """Where thousands of channels are equal, the saved sigma is 0 too: the rounding error of their
    mean grows with their number."""
    g = replace(call.g, N=1, C=channels, H=2, W=3, border="corrected")
    assume(call.served(kernel, g))
    flat = replace(call, g=g).but(x=np.full(g.x_shape, level))
    _, (_, sigma) = both(kernel, flat)
    agree(sigma, np.zeros(g.plane_shape), 0.0, "sigma")


def _flattened(call: Call, level: float, part: float) -> tuple[np.ndarray, int]:
    """x around a level, its first columns constant, and the number of these columns."""
    flat = round(part * call.g.W)
    x = call.inputs["x"] + call.dtype.type(level)
    x[..., :flat] = level
    return x, flat


@holds("flat regions", FORWARD, VJP, large=True, level=levels, part=st.floats(0, 1))
def flat_regions_give_finite_results(kernel: Kernel, call: Call, level: float, part: float) -> None:
    """Planes that are flat, in part or as a whole, at any level, give neither NaN nor infinity."""
    x, _ = _flattened(call, level, part)
    result = run(kernel, call.but(x=x))
    require(
        np.isfinite(result).all(), f"{int((~np.isfinite(result)).sum())} results are not finite"
    )


@holds("flat gradient", VJP, level=levels)
def the_level_of_a_flat_plane_has_no_gradient(kernel: Kernel, call: Call, level: float) -> None:
    """Where x is flat, the floor is the divisor and the gradient is that of x minus its blur, the
    same at every level."""
    call = corrected(kernel, call)
    flat, gy = np.full(call.g.x_shape, level, call.dtype), call.inputs["gy"]
    zero = call.but(x=np.zeros_like(flat))
    agree(run(kernel, call.but(x=flat)), Contrast(zero.inputs["x"], call.g).vjp(gy),
          zero.bound(kernel)[0])  # fmt: skip


@holds("offset's gradient", VJP, fills=("normal", "integers"))
def an_offset_has_no_gradient(kernel: Kernel, call: Call) -> None:
    """With the corrected border y does not depend on an offset, so the gradient of each image sums
    to 0."""
    call = corrected(kernel, call)
    _vanishes(kernel, call, np.ones(call.g.x_shape))


@holds("scale's gradient", VJP, fills=("normal", "integers"))
def scale_has_no_gradient_above_the_floor(kernel: Kernel, call: Call) -> None:
    """Where the floor is not the divisor, y does not depend on the scale of x, so <gx, x> = 0."""
    x = call.inputs["x"]
    assume(Contrast(x, call.g).c.min(initial=np.inf) > call.g.floor)
    _vanishes(kernel, call, x.astype(np.float64))


def _vanishes(kernel: Kernel, call: Call, direction: np.ndarray) -> None:
    """The derivative of each image along `direction` is 0."""
    axes, g = (1, 2, 3), call.g
    gx, (bound,) = run(kernel, call).astype(np.float64), call.bound(kernel)
    allowed: Any = (np.abs(direction) * bound).sum(axis=axes)
    magnitude = np.abs(gx * direction).sum(axis=axes)
    allowed = allowed + rounding(g.C * g.H * g.W + 1, magnitude, np.float64)
    agree((gx * direction).sum(axis=axes), np.zeros(g.N), allowed)


@holds("NaN fills", FORWARD, VJP, seed=st.integers(0, 2**32 - 1),
       value=st.sampled_from([np.nan, np.inf, -np.inf]))  # fmt: skip
def nan_reaches_all_of_its_image(kernel: Kernel, call: Call, seed: int, value: float) -> None:
    """A NaN or an infinity in x makes all results of its image NaN, through c, and no others."""
    x, rng = call.inputs["x"].copy(), np.random.default_rng(seed)
    assume(x.size)
    where = tuple(int(rng.integers(size)) for size in x.shape)
    x[where] = value
    result, before = run(kernel, call.but(x=x)), run(kernel, call)
    image, others = where[0], np.arange(call.g.N) != where[0]
    require(np.isnan(result[image]).all(), f"{value} at {where} leaves its image finite")
    require(same_bits(result[others], before[others]), f"{value} at {where} leaves its image")
