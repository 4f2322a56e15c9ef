"""Properties of the three convolutions: translation, unit impulses, 1x1 windows, NaN, dgrad."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
from hypothesis import strategies as st

from kernels.contract.geometry import ConvGeometry
from kernels.contract.registry import Kernel
from kernels.definition.convolution import conv2d, padded, under_tap
from kernels.verify.calls import MOST_LOOPS, Call
from kernels.verify.operations.convolution import Convolution
from kernels.verify.properties.convolution import (
    CONVOLUTIONS,
    bound_of,
    convolution,
    drawn,
    run,
    seeds,
)
from kernels.verify.property import agree, assume, holds, require, same
from kernels.verify.strata.stratum import work


@holds("shift", *CONVOLUTIONS, fills=("integers",), seed=seeds, by=st.integers(1, 2),
       axis=st.integers(0, 1))  # fmt: skip
def moves_with_the_image(kernel: Kernel, call: Call, seed: int, by: int, axis: int) -> None:
    """An image shifted by n strides shifts the output by n pixels. A shifted gy shifts the result
    of dgrad; x and gy shifted together leave that of wgrad unchanged."""
    g = _open(call.g, axis, by)
    assume(call.served(kernel, g))
    step = by * g.stride[axis]
    x = _lengthened(drawn(call, seed, g.x_shape), axis, step, seed)
    gy = drawn(call, seed + 1, g.y_shape)
    w = drawn(call, seed + 2, g.w_shape)
    here, there = _span(x, axis, 0, -step), _span(x, axis, step, None)
    early, late = _shifted(gy, axis, by)
    pairs = {
        "gy": ({"x": there, "w": w}, {"x": here, "w": w}),
        "x": ({"gy": early, "w": w}, {"gy": late, "w": w}),
        "w": ({"x": there, "gy": early}, {"x": here, "gy": late}),
    }
    result = convolution(call).result
    one, other = (replace(call, g=g, inputs=inputs) for inputs in pairs[result])
    a, b = run(kernel, one), run(kernel, other)
    if result != "w":
        move = by if result == "gy" else step
        a, b = _span(a, axis, 0, a.shape[2 + axis] - move), _span(b, axis, move, None)
    agree(a, b, np.max(bound_of(kernel, one, other), initial=0.0))


def _open(g: ConvGeometry, axis: int, by: int) -> ConvGeometry:
    """The geometry without padding along `axis`, large enough for `by` + 2 windows."""
    padding = list(g.padding)
    padding[2 * axis : 2 * axis + 2] = (min(p, 0) for p in padding[2 * axis : 2 * axis + 2])
    crop = padding[2 * axis] + padding[2 * axis + 1]
    pixels = g.extent[axis] - crop + (by + 1) * g.stride[axis]
    top, bottom, left, right = padding
    size = {("H", "W")[axis]: pixels}
    return replace(g, padding=(top, bottom, left, right), **cast(Any, size))


def _lengthened(x: np.ndarray, axis: int, step: int, seed: int) -> np.ndarray:
    shape = list(x.shape)
    shape[2 + axis] = step
    more = np.random.default_rng(seed + 3).integers(-4, 5, shape).astype(x.dtype)
    return np.concatenate([x, more], 2 + axis)


def _span(a: np.ndarray, axis: int, first: int, last: int | None) -> np.ndarray:
    return np.take(a, range(a.shape[2 + axis])[first:last], 2 + axis)


def _shifted(gy: np.ndarray, axis: int, by: int) -> tuple[np.ndarray, np.ndarray]:
    """Two planes: the content at the beginning, and `by` pixels later; zeros elsewhere."""
    content = _span(gy, axis, by, None)
    nothing = np.zeros_like(_span(gy, axis, 0, by))
    return (
        np.concatenate([content, nothing], 2 + axis),
        np.concatenate([nothing, content], 2 + axis),
    )


@holds("delta", *CONVOLUTIONS, fills=("integers",), seed=seeds)
def a_delta_crops_and_shifts(kernel: Kernel, call: Call, seed: int) -> None:
    """A filter that is 1 at one tap of one channel copies that channel, shifted and cropped; dgrad
    scatters it back. With gy 1 at one pixel, wgrad is the receptive field of that pixel."""
    its, g, rng = convolution(call), call.g, np.random.default_rng(seed)
    assume(all(call.g.x_shape) and all(call.g.y_shape))
    tap = int(rng.integers(g.R)), int(rng.integers(g.S))
    if its.result == "w":
        single = np.zeros(g.y_shape, call.dtype)
        pixel = tuple(int(rng.integers(size)) for size in g.y_shape)
        single[pixel] = 1
        call, expected = call.but(gy=single), _receptive_field(call.inputs["x"], g, pixel)
    else:
        w = np.zeros(g.w_shape, call.dtype)
        channel = np.arange(g.K) % (g.C // g.groups)
        w[np.arange(g.K), channel, tap[0], tap[1]] = 1
        taken = channel + np.arange(g.K) // (g.K // g.groups) * (g.C // g.groups)
        call, expected = call.but(w=w), _moved(call, its, taken, tap)
    agree(run(kernel, call), expected, np.max(bound_of(kernel, call), initial=0.0))


def _receptive_field(x: np.ndarray, g: ConvGeometry, pixel: tuple[int, ...]) -> np.ndarray:
    """gw when only `pixel` (n,k,p,q) of gy is 1: its receptive field in x, for filter k."""
    n, k, p, q = pixel
    expected, first = np.zeros(g.w_shape, x.dtype), k // (g.K // g.groups) * (g.C // g.groups)
    for r, s in np.ndindex(g.R, g.S):
        h = p * g.stride[0] - g.padding[0] + r * g.dilation[0]
        w = q * g.stride[1] - g.padding[2] + s * g.dilation[1]
        if 0 <= h < g.H and 0 <= w < g.W:
            expected[k, :, r, s] = x[n, first : first + g.C // g.groups, h, w]
    return expected


def _moved(call: Call, its: Convolution, taken: np.ndarray, tap: tuple[int, int]) -> np.ndarray:
    """For each filter k, channel taken[k] of x at the tap; for dgrad, gy[k] scatter-added there."""
    g = call.g
    planes, inner = padded(g, call.dtype)
    if its.result == "gy":
        planes[inner] = call.inputs["x"]
        return under_tap(planes, g, *tap)[:, taken].copy()
    view = under_tap(planes, g, *tap)
    for k, c in enumerate(taken):
        view[:, c] += call.inputs["gy"][:, k]
    return planes[inner]


@holds("1x1", *CONVOLUTIONS, seed=seeds)
def one_by_one_is_a_matrix_product(kernel: Kernel, call: Call, seed: int) -> None:
    """With 1x1 filters, the convolution is a product of each pixel's channels with a matrix."""
    g = replace(call.g, R=1, S=1, stride=(1, 1), padding=(0,) * 4, dilation=(1, 1), groups=1)
    assume(call.served(kernel, g) and all(g.x_shape) and g.K)
    rng = np.random.default_rng(seed)
    shapes = convolution(call).shapes(g)
    inputs = {n: rng.standard_normal(shape).astype(call.dtype) for n, shape in shapes.items()}
    pixels = {n: _pixels(a.astype(np.float64)) for n, a in inputs.items() if n != "w"}
    one = replace(call, g=g, inputs=inputs)
    if convolution(call).result == "w":
        expected = (pixels["gy"].T @ pixels["x"])[:, :, None, None]  # (K,NPQ) x (NPQ,C) -> (K,C)
    else:
        (flat,), w = pixels.values(), inputs["w"][:, :, 0, 0].astype(np.float64)
        product = flat @ (w.T if "x" in inputs else w)  # (NPQ,C) x (C,K), or (NPQ,K) x (K,C)
        expected = product.reshape(g.N, g.H, g.W, -1).transpose(0, 3, 1, 2)  # (NHW,.) -> (N,.,H,W)
    agree(run(kernel, one), expected, one.bound(kernel)[0])


def _pixels(a: np.ndarray) -> np.ndarray:
    return a.transpose(0, 2, 3, 1).reshape(-1, a.shape[1])  # (N,C,H,W) -> (NHW,C)


@holds("NaN and infinity", *CONVOLUTIONS, fills=("integers",), seed=seeds,
       value=st.sampled_from([np.nan, np.inf, -np.inf]), which=st.integers(0, 1))  # fmt: skip
def nothing_spreads_further_than_it_says(
    kernel: Kernel, call: Call, seed: int, value: float, which: int
) -> None:
    """A NaN or an infinity reaches all results that it is a term of, and no others except those
    that the kernel declares with `spreads`."""
    its, rng = convolution(call), np.random.default_rng(seed)
    assume(work(call.operation, call.g) <= MOST_LOOPS)  # array expressions multiply the padding
    name = its.linear[which]
    infected = call.inputs[name].copy()
    assume(infected.size)
    infected.reshape(-1)[rng.integers(infected.size)] = value  # any shape -> (size,), a view
    call = call.but(**{name: infected})
    with np.errstate(invalid="ignore"):
        result, (expected,) = run(kernel, call), call.define()
        allowed = _reached(kernel, call, its, name, ~np.isfinite(expected))
    if kernel.spreads == "nowhere" and kernel.exact:
        hint = 'a kernel that multiplies padding declares spreads="padding"'
        same(result, expected, f"with {value} in {name} ({hint})")
    lost = ~np.isfinite(expected) & np.isfinite(result)
    require(
        not lost.any(),
        f"with {value} in {name}, {lost.sum()} results are finite that should not be",
    )
    spread = ~allowed & ~np.isfinite(result)
    require(
        not spread.any(),
        f"with {value} in {name}, {spread.sum()} results are not finite that should be, the first "
        f"at {tuple(np.argwhere(spread)[:1].reshape(-1).tolist())}; the kernel says that it "
        f"spreads {kernel.spreads!r}",
    )


@holds("large values", *CONVOLUTIONS, applies=lambda kernel: kernel.growth is not None,
       which=st.integers(0, 1), large=None)  # fmt: skip
def nothing_overflows_below_what_it_says(kernel: Kernel, call: Call, which: int) -> None:
    """While the kernel's `growth` times the operands, their sums over a plane or window and the sum
    of the absolute products is below the largest number of the type, results are within the
    bound."""
    assert kernel.growth is not None
    its = convolution(call)
    image, other = (np.abs(call.inputs[name].astype(np.float64)) for name in its.linear)
    sums = its.absolute(kernel, call), image, other.sum((2, 3))
    largest = max(float(a.max(initial=0.0)) for a in sums) * kernel.growth(call.g)
    assume(largest > 0)
    most = np.finfo(call.dtype).maxexp - 2
    exponent = min(most, int(np.floor(most - np.log2(largest))))
    name = its.linear[which]
    scaled = call.but(**{name: np.ldexp(call.inputs[name], exponent)})
    agree(run(kernel, scaled), its.precisely(scaled), scaled.bound(kernel)[0])


def _reached(
    kernel: Kernel, call: Call, its: Convolution, name: str, defined: np.ndarray
) -> np.ndarray:
    """Where the result may be NaN or infinite, by the kernel's `spreads`."""
    if kernel.spreads == "nowhere":
        return defined
    if kernel.spreads == "plane" or (its.result == "x" and name == "w"):
        planes = _planes_reached(call, its, name)
        return np.broadcast_to(planes, defined.shape) | defined
    multiplied = its.defined(call.g, call.inputs)  # 0 NaN is NaN
    if its.result == "w":
        return defined | ~np.isfinite(multiplied)
    return defined | ~np.isfinite(multiplied) | ~np.isfinite(_between_taps(call, its))


def _between_taps(call: Call, its: Convolution) -> np.ndarray:
    """The result with zeros between the taps of a dilated filter, which are multiplied too."""
    g = replace(call.g, R=call.g.extent[0], S=call.g.extent[1], dilation=(1, 1))
    w = np.zeros(g.w_shape, call.dtype)
    w[:, :, :: call.g.dilation[0], :: call.g.dilation[1]] = call.inputs["w"]
    return its.defined(g, {**call.inputs, "w": w})


def _planes_reached(call: Call, its: Convolution, name: str) -> np.ndarray:
    """(N,K,1,1) for fprop: result planes that depend on a plane of `name` that is not finite."""
    point = replace(call.g, H=1, W=1, R=1, S=1, stride=(1, 1), padding=(0,) * 4)
    ill = {n: np.ones((*a.shape[:2], 1, 1), bool) for n, a in call.inputs.items()}
    ill[name] = np.any(~np.isfinite(call.inputs[name]), (2, 3), keepdims=True)
    return its.defined(point, ill) > 0


@holds("flipped", "conv2d_dgrad", fills=("integers",))
def is_the_product_with_the_flipped_kernel(kernel: Kernel, call: Call) -> None:
    """dgrad is a convolution at stride 1: gy, with zeros inserted between and around its pixels,
    with the flipped kernel, its filters and channels swapped."""
    g, (eh, ew) = call.g, call.g.extent
    assume(g.H and g.W)
    (sh, sw), (top, _, left, _) = g.stride, g.padding
    spread = np.zeros((g.N, g.K, g.H + 2 * eh + g.P * sh, g.W + 2 * ew + g.Q * sw))
    around = eh - 1 - top, ew - 1 - left
    rows, columns = (max(a, 0) for a in around)
    spread[:, :, rows : rows + g.P * sh : sh, columns : columns + g.Q * sw : sw] = call.inputs["gy"]
    spread = spread[:, :, rows - around[0] :, columns - around[1] :]
    spread = spread[:, :, : g.H + eh - 1, : g.W + ew - 1]
    w = call.inputs["w"].reshape(g.groups, g.K // g.groups, g.C // g.groups, g.R, g.S)
    # (G,K/G,C/G,R,S) -> (G,C/G,K/G,R,S) -> (C,K/G,R,S)
    flipped = w.transpose(0, 2, 1, 3, 4)[..., ::-1, ::-1].reshape(g.C, g.K // g.groups, g.R, g.S)
    forward = ConvGeometry.of(spread.shape, flipped.shape, 1, 0, g.dilation, g.groups)
    expected = conv2d(spread, flipped, forward)
    agree(run(kernel, call), expected, bound_of(kernel, call))


@holds("slope", "conv2d_dgrad", "conv2d_wgrad", fills=("integers",), seed=seeds)
def is_the_slope_of_the_definition(kernel: Kernel, call: Call, seed: int) -> None:
    """<gradient, u> equals the finite difference of <gy, conv2d(x, w)> along u, without truncation
    error, since the form is linear in each operand."""
    its, g = convolution(call), call.g
    sides = {n: drawn(call, seed + i, s).astype(np.float64)
             for i, (n, s) in enumerate(its.sides(g).items())} | call.inputs  # fmt: skip
    along = drawn(call, seed + 9, its.sides(g)[its.result])
    values = []
    for step in (-1, 1):
        moved = sides | {its.result: sides[its.result] + step * along}
        y = conv2d(moved["x"], moved["w"], g)
        values.append(float((y * sides["gy"]).sum()))
    slope = np.float64((values[1] - values[0]) / 2)
    bound = np.sum(bound_of(kernel, call) * np.abs(along))
    agree(np.sum(run(kernel, call).astype(np.float64) * along), slope, bound)
