"""Properties of max-pooling with its switches, and of average pooling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from kernels.bounds import rounding
from kernels.contract.geometry import PoolGeometry
from kernels.contract.registry import Kernel
from kernels.definition import pooling
from kernels.verify.arrays import apart
from kernels.verify.calls import Call
from kernels.verify.property import agree, assume, holds, require, same

seeds = st.integers(0, 2**32 - 1)


def pooled(kernel: Kernel, call: Call, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y and switches of the call with input x."""
    y, switches = call.but(x=x).run(kernel)
    return y, switches


@holds("switch places", "max_pool2d", fills=("normal", "integers"), large=True)
def switches_lie_in_their_window(kernel: Kernel, call: Call) -> None:
    """A switch is the int32 index h W + w of a pixel that is a tap of its window."""
    _, switches = call.run(kernel)
    require(switches.dtype == np.int32, f"switches are {switches.dtype}, not int32")
    places = pooling.places(call.g)  # (RS,P,Q)
    off = np.argwhere(~_is_tap(switches, places))
    require(
        not len(off),
        f"{len(off)} switches are no pixel of their window, the first at "
        f"{tuple(off[0]) if len(off) else ()}",
    )


def _is_tap(switches: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(N,C,P,Q): True where the switch is one of the window's taps."""
    found = (switches == place for place in places)
    return np.logical_or.reduce([*found]) & (switches != pooling.OFF)


@holds("switch values", "max_pool2d", fills=("normal", "scaled"), large=True)
def values_stand_at_their_switches(kernel: Kernel, call: Call) -> None:
    """Each output is the value of the input at its switch."""
    y, switches = call.run(kernel)
    _on_plane(switches, call.g)
    agree(y, pooling.max_unpool2d_vjp(call.inputs["x"], switches, call.g))


def _on_plane(switches: np.ndarray, g: PoolGeometry) -> None:
    require(((switches >= 0) & (switches < g.H * g.W)).all(), "a switch is outside the plane")


@holds("ties", "max_pool2d", fills=("integers",), large=True)
def the_first_of_equals_wins(kernel: Kernel, call: Call) -> None:
    """Every tap before the switch, in row-major order, is less than the output; no tap after it is
    larger."""
    g, (y, switches) = call.g, call.run(kernel)
    before = np.ones(g.y_shape, bool)
    for place, value in pooling.by_tap(call.inputs["x"], g):
        before &= switches != place
        too_large = (place != pooling.OFF) & np.where(before, value >= y, value > y)
        require(
            not too_large.any(),
            f"{int(too_large.sum())} windows hold a larger value, or as large a one earlier",
        )


@holds("first NaN", "max_pool2d", fills=("integers",), large=None, seed=seeds,
       part=st.floats(0.05, 1))  # fmt: skip
def the_first_nan_is_the_maximum(kernel: Kernel, call: Call, seed: int, part: float) -> None:
    """NaN counts as larger than any number, infinity included; the first NaN of a window is the
    maximum."""
    x, rng = call.inputs["x"].copy(), np.random.default_rng(seed)
    x[rng.random(x.shape) < 0.2] = np.inf
    x[rng.random(x.shape) < part] = np.nan
    (y, switches), (expected, places) = pooled(kernel, call, x), pooling.max_pool2d(x, call.g)
    same(y, expected, "values with NaN")
    same(switches, places, "switches with NaN")


@holds("lone NaN", "max_pool2d", fills=("integers",), large=True, seed=seeds)
def a_lone_nan_is_found(kernel: Kernel, call: Call, seed: int) -> None:
    """A single NaN in an image is the maximum of all windows that contain it, and of no others."""
    x, rng = call.inputs["x"].copy(), np.random.default_rng(seed)
    for image in x:
        image[tuple(rng.integers(image.shape))] = np.nan
    (y, switches), (expected, places) = pooled(kernel, call, x), pooling.max_pool2d(x, call.g)
    same(y, expected, "values with a lone NaN")
    same(switches, places, "switches with a lone NaN")


@holds("padding", "max_pool2d", fills=("integers",), offset=st.sampled_from([5, 1e6, np.inf]))
def padding_is_never_the_maximum(kernel: Kernel, call: Call, offset: float) -> None:
    """Padding never is the maximum, also where all pixels are below 0 or minus infinity."""
    x = call.inputs["x"] - call.dtype.type(offset)
    (y, switches), (expected, places) = pooled(kernel, call, x), pooling.max_pool2d(x, call.g)
    same(y, expected, "values below 0")
    same(switches, places, "switches among values below 0")


@holds("losers", "max_pool2d", fills=("normal", "integers"), large=True)
def what_no_switch_names_does_not_matter(kernel: Kernel, call: Call) -> None:
    """If all pixels that are no window's switch become minus infinity, nothing changes."""
    y, switches = call.run(kernel)
    _on_plane(switches, call.g)
    named = pooling.max_unpool2d(np.ones(call.g.y_shape), switches, call.g, collisions="last")
    x = np.where(named > 0, call.inputs["x"], call.dtype.type(-np.inf))
    again, places = pooled(kernel, call, x)
    same(again, y, "values after the others are lowered")
    same(places, switches, "switches after the others are lowered")


@holds("order", "max_pool2d", fills=("integers",))
def only_the_order_matters(kernel: Kernel, call: Call) -> None:
    """An increasing function can be applied before or after pooling, with the same result."""

    def grown(a: np.ndarray) -> np.ndarray:
        return a**3 - 100

    y, switches = call.run(kernel)
    again, places = pooled(kernel, call, grown(call.inputs["x"]))
    agree(again, grown(y), 0.0, "values")
    agree(places, switches, 0.0, "switches")


@holds("maximum's slope", "max_pool2d", seed=seeds)
def the_slope_of_a_maximum_stands_at_its_switch(kernel: Kernel, call: Call, seed: int) -> None:
    """<gy, pool(x + h u) - pool(x)> = h <unpool(gy), u> for steps that leave the order of the
    values unchanged."""
    g, rng, h = call.g, np.random.default_rng(seed), 2.0**-6
    x = apart(g.x_shape, rng).astype(call.dtype)  # a gap of 1/4, steps of at most 1/16
    u, gy = (rng.integers(-4, 5, shape).astype(call.dtype) for shape in (g.x_shape, g.y_shape))
    (y, switches), (moved, _) = (
        pooled(kernel, call, x),
        pooled(kernel, call, x + u * x.dtype.type(h)),
    )
    _on_plane(switches, g)
    slope = (gy * (moved.astype(np.float64) - y)).sum()
    agree(np.float64(slope), h * (pooling.max_unpool2d(gy, switches, g) * u).sum())


@holds("whole strides", "max_pool2d", "avg_pool2d", fills=("normal", "integers"),
       by=st.tuples(st.integers(0, 1), st.integers(0, 1)))  # fmt: skip
def pooling_moves_with_the_plane(kernel: Kernel, call: Call, by: tuple[int, int]) -> None:
    """A plane that begins one stride later has the same outputs without the first."""
    g = replace(call.g, padding=(0,) * 4, ceil_mode=False)
    down, across = by[0] * g.stride[0], by[1] * g.stride[1]
    assume(g.H - down >= g.extent[0] and g.W - across >= g.extent[1])
    later = replace(g, H=g.H - down, W=g.W - across)
    assume(call.served(kernel, g) and call.served(kernel, later))
    whole = replace(call, g=g)
    part = replace(whole, g=later).but(x=call.inputs["x"][..., down:, across:].copy())
    bound = whole.bound(kernel)[0]
    bound = bound[..., by[0] :, by[1] :] if isinstance(bound, np.ndarray) else bound
    (y, *switches), (moved, *places) = whole.run(kernel), part.run(kernel)
    agree(moved, y[..., by[0] :, by[1] :], 2 * bound)
    for here, there in zip(switches, places, strict=True):
        onto = (there // later.W + down) * g.W + there % later.W + across
        agree(onto, here[..., by[0] :, by[1] :], 0.0, "switches")


@holds("constant plane", "avg_pool2d", level=st.floats(-100, 100, width=16))
def a_constant_plane_averages_to_itself(kernel: Kernel, call: Call, level: float) -> None:
    """With `count_include_pad` false, the average of equal values is that value."""
    g = replace(call.g, count_include_pad=False)
    assume(call.served(kernel, g))
    flat = replace(call, g=g).but(x=np.full(g.x_shape, level, call.dtype))
    agree(flat.run(kernel)[0], np.full(g.y_shape, level), flat.bound(kernel)[0])


@holds("shares", "avg_pool2d_vjp", fills=("integers",))
def a_window_hands_out_what_it_got(kernel: Kernel, call: Call) -> None:
    """With `count_include_pad` false, the gradient of each plane has the same sum as gy."""
    g = replace(call.g, count_include_pad=False)
    assume(call.served(kernel, g))
    shared = replace(call, g=g)
    gx, (bound,) = shared.run(kernel)[0].astype(np.float64), shared.bound(kernel)
    summation = rounding(g.H * g.W, np.abs(gx).sum(axis=(2, 3)), np.float64)
    allowed = np.broadcast_to(bound, g.x_shape).sum(axis=(2, 3)) + summation
    got = call.inputs["gy"].astype(np.float64).sum(axis=(2, 3))  # whole numbers: exact
    agree(gx.sum(axis=(2, 3)), got, allowed)
