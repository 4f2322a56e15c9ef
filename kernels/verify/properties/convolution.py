"""Properties of the three convolutions: adjoints, linearity, symmetries, and declared abilities.

Where a property compares two results of the kernel with each other, the values are small integers.
A kernel that sums the products of the definition must then agree exactly; other kernels must agree
within twice their bound.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.bounds import rounding, same_bits
from kernels.contract import memory
from kernels.contract.bound import Options
from kernels.contract.declarations import never
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.registry import Kernel
from kernels.cpu.epilogue import FUNCTIONS, epilogue
from kernels.cpu.epilogue import bind as bind_epilogue
from kernels.definition import pooling
from kernels.definition.convolution import conv2d
from kernels.verify.calls import OPERATIONS, Call
from kernels.verify.operations.convolution import Convolution
from kernels.verify.property import agree, assume, holds, require, same

CONVOLUTIONS = ("conv2d", "conv2d_dgrad", "conv2d_wgrad")
seeds = st.integers(0, 2**32 - 1)


def convolution(call: Call) -> Convolution:
    its = OPERATIONS[call.operation]
    assert isinstance(its, Convolution)
    return its


def run(kernel: Kernel, call: Call) -> np.ndarray:
    (result,) = call.run(kernel)
    return result


def bound_of(kernel: Kernel, *calls: Call) -> Any:
    """The sum of the bounds of `calls`; 0 for an exact kernel."""
    if kernel.exact:
        return 0.0
    return sum((call.bound(kernel)[0] for call in calls), start=np.float64(0))


def drawn(call: Call, seed: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(call.dtype)


@holds("adjoint", *CONVOLUTIONS, fills=("integers",), dtypes=(np.float64,), seed=seeds)
def is_one_side_of_the_trilinear_form(kernel: Kernel, call: Call, seed: int) -> None:
    """<gy, conv2d(x, w)> = <dgrad(gy, w), x> = <wgrad(x, gy), w>: each is the sum of gy x w of the
    definition."""
    its = convolution(call)
    shapes = {"x": call.g.x_shape, "w": call.g.w_shape, "gy": call.g.y_shape}
    third = drawn(call, seed, shapes[its.result])
    form = _form(call.g, {**call.inputs, its.result: third})
    bound = bound_of(kernel, call) * np.abs(third)
    agree(np.sum(run(kernel, call) * third), np.float64(form), np.sum(bound))


def _form(g: ConvGeometry, sides: dict[str, np.ndarray]) -> float:
    """The sum of gy x w over every product of the convolution."""
    y = conv2d(sides["x"], sides["w"], g)
    return float((y * sides["gy"]).sum())


@holds("linear", *CONVOLUTIONS, fills=("integers",), seed=seeds, which=st.integers(0, 1))
def is_linear_in_each_operand(kernel: Kernel, call: Call, seed: int, which: int) -> None:
    """f(a + b) = f(a) + f(b), in either operand."""
    name = convolution(call).linear[which]
    a = call.inputs[name]
    b = drawn(call, seed, a.shape)
    other, both = call.but(**{name: b}), call.but(**{name: a + b})
    expected = run(kernel, call) + run(kernel, other)
    agree(run(kernel, both), expected, bound_of(kernel, call, other, both))


@holds("scale", *CONVOLUTIONS, exponent=st.integers(-20, 20), which=st.integers(0, 1))
def a_power_of_two_changes_no_digit(kernel: Kernel, call: Call, exponent: int, which: int) -> None:
    """f(2^n a) = 2^n f(a), bit for bit, unless a value underflows."""
    name = convolution(call).linear[which]
    factor = call.dtype.type(2.0**exponent)
    result = run(kernel, call)
    magnitudes = np.abs(result[result != 0])
    assume(magnitudes.size == 0 or magnitudes.min() > np.finfo(call.dtype).tiny * 2.0**60)
    scaled = run(kernel, call.but(**{name: call.inputs[name] * factor}))
    agree(scaled, result * factor, rounding(1, np.abs(result) * 0, call.dtype))


@holds("batch", *CONVOLUTIONS, fills=("integers",))
def treats_images_alone(kernel: Kernel, call: Call) -> None:
    """Each image alone has the same result as in the batch. In wgrad the batch's result is the sum
    over the images."""
    its, g = convolution(call), call.g
    alone = [_images(call, slice(n, n + 1)) for n in range(g.N)]
    assume(alone and alone[0].served(kernel))
    results = [run(kernel, one) for one in alone]
    expected = sum(results) if its.result == "w" else np.concatenate(results)
    agree(run(kernel, call), expected, _doubled(kernel, call, alone if its.result == "w" else []))


def _doubled(kernel: Kernel, call: Call, parts: list[Call]) -> Any:
    """The bound of the whole plus those of its parts; without parts, of the whole twice."""
    return bound_of(kernel, call, *(parts or [call]))


def _images(call: Call, span: slice) -> Call:
    """The call on some images of the batch."""
    cut = {n: a if n == "w" else a[span].copy() for n, a in call.inputs.items()}
    return replace(call, g=replace(call.g, N=len(range(call.g.N)[span])), inputs=cut)


@holds("permuted", *CONVOLUTIONS, fills=("integers",), seed=seeds)
def takes_channels_and_filters_in_any_order(kernel: Kernel, call: Call, seed: int) -> None:
    """The same permutation of the channels of x and w changes nothing; permuted filters permute the
    output."""
    g, rng = call.g, np.random.default_rng(seed)
    channels = _within_groups(g.C // g.groups, g.groups, rng)
    filters = _within_groups(g.K // g.groups, g.groups, rng)
    permuted = {n: _permuted(n, a, channels, filters) for n, a in call.inputs.items()}
    expected = _permuted(convolution(call).result, run(kernel, call), channels, filters)
    agree(run(kernel, call.but(**permuted)), expected, 2 * _worst(kernel, call))


def _worst(kernel: Kernel, call: Call) -> Any:
    return np.max(bound_of(kernel, call), initial=0.0)


def _within_groups(size: int, groups: int, rng: np.random.Generator) -> np.ndarray:
    """(groups, size): a permutation of each group's channels, the same in every group."""
    return np.tile(rng.permutation(size), (groups, 1))


def _permuted(name: str, a: np.ndarray, channels: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """x with its channels permuted, gy with its filters, w with both."""
    groups = channels.shape[0]
    along = {"x": channels, "gy": filters, "w": filters}[name]
    flat = (along + np.arange(groups)[:, None] * along.shape[1]).reshape(-1)  # (G,C/G) -> (C,)
    if name == "w":
        return a[flat][:, channels[0]].copy()
    return a[:, flat].copy()


@holds("split", *CONVOLUTIONS, fills=("integers",), at=st.integers(1, 4))
def sums_over_what_it_is_split_along(kernel: Kernel, call: Call, at: int) -> None:
    """The results for some input channels and for the others add up to the result for all. In dgrad
    the filters are split, in wgrad the images."""
    g, its = call.g, convolution(call)
    assume(g.groups == 1)
    parts = [_part(call, its.result, span) for span in (slice(None, at), slice(at, None))]
    assume(all(part.served(kernel) for part in parts))
    expected = run(kernel, parts[0]) + run(kernel, parts[1])
    agree(run(kernel, call), expected, bound_of(kernel, call, *parts))


def _part(call: Call, result: str, span: slice) -> Call:
    if result == "w":
        return _images(call, span)
    if result == "gy":
        x, w = call.inputs["x"][:, span].copy(), call.inputs["w"][:, span].copy()
        return replace(call.but(x=x, w=w), g=replace(call.g, C=x.shape[1]))
    gy, w = call.inputs["gy"][:, span].copy(), call.inputs["w"][span].copy()
    return replace(call.but(gy=gy, w=w), g=replace(call.g, K=gy.shape[1]))


@holds("groups", *CONVOLUTIONS, fills=("integers",))
def groups_are_separate_convolutions(kernel: Kernel, call: Call) -> None:
    """A grouped convolution is an ordinary convolution of each group, concatenated."""
    g = call.g
    assume(g.groups > 1)
    alone = [_group(call, i) for i in range(g.groups)]
    assume(alone[0].served(kernel))
    axis = 0 if convolution(call).result == "w" else 1
    expected = np.concatenate([run(kernel, one) for one in alone], axis)
    agree(run(kernel, call), expected, 2 * _worst(kernel, call))


def _group(call: Call, i: int) -> Call:
    g = call.g
    one = replace(g, C=g.C // g.groups, K=g.K // g.groups, groups=1)
    sizes = {"x": one.C, "gy": one.K, "w": one.K}
    cut = {}
    for name, a in call.inputs.items():
        span = slice(i * sizes[name], (i + 1) * sizes[name])
        cut[name] = (a[span] if name == "w" else a[:, span]).copy()
    return replace(call, g=one, inputs=cut)


@holds("bias", "conv2d", seed=seeds)
def adds_one_bias_a_filter(kernel: Kernel, call: Call, seed: int) -> None:
    """With a bias, the value of each filter is added to every pixel of its output."""
    bias = np.random.default_rng(seed).standard_normal(call.g.K).astype(call.dtype)
    biased = replace(call, options={"bias": bias})
    (expected,), (bound,) = biased.define(), biased.bound(kernel)
    agree(run(kernel, biased), expected, bound)


@holds("rectified", "conv2d", fills=("normal", "integers"), optional=True, large=None,
       seed=seeds, nan=st.booleans(), applies=lambda kernel: kernel.rectifies)  # fmt: skip
def rectifies_what_it_writes(kernel: Kernel, call: Call, seed: int, nan: bool) -> None:
    """With `rectify` the result is relu(y), where y is the result without it, NaN included."""
    x = call.inputs["x"].copy()
    if nan and x.size:
        x[tuple(np.random.default_rng(seed).integers(x.shape))] = np.nan
        call = call.but(x=x)
    (plain,), (rectified,) = call.run(kernel), replace(
        call, options=call.options | {"rectify": True}
    ).run(kernel)  # fmt: skip
    same(rectified, np.where(plain <= 0, 0, plain).astype(plain.dtype), "rectified")


@holds("bound", "conv2d", fills=("normal", "integers"), optional=True, large=None,
       function=st.sampled_from(sorted(FUNCTIONS)), seed=seeds,
       applies=lambda kernel: kernel.abilities.bind is not None)  # fmt: skip
def binds_the_call_that_it_runs(kernel: Kernel, call: Call, function: str, seed: int) -> None:
    """A bound call gives the same bits, run twice; with an epilogue those of the residual's sum and
    the activation after it."""
    g, bind = call.g, kernel.abilities.bind
    assert bind is not None
    x, w = (memory.canonicalise(call.inputs[name]) for name in ("x", "w"))
    assume(0 not in (x.size, w.size, *g.y_shape))
    (plain,) = call.run(kernel)
    y, expected, residual = (memory.empty(g.y_shape, x.dtype, "NHWC") for _ in range(3))
    residual[...] = np.random.default_rng(seed).standard_normal(g.y_shape)
    expected[...] = plain + residual
    here = memory.flat(expected)
    bind_epilogue(here, here, epilogue(function, x.dtype, None, 0.25, 6.0))()
    after = epilogue(function, x.dtype, memory.flat(residual), 0.25, 6.0)
    bound = bind(x, w, g, y, Options(call.options.get("bias"), epilogue=after))
    for run_number in range(2):
        bound()
        same(y, expected, f"run {run_number} of the bound call")


@holds("pooled", "conv2d", optional=True, large=None, filters=st.integers(64, 90),
       window=st.sampled_from([(3, 2), (2, 2), (3, 1), (2, 1)]), padding=st.integers(0, 1),
       seed=seeds, nan=st.booleans(), applies=lambda kernel: kernel.pools is not never)  # fmt: skip
def pools_what_it_writes(
    kernel: Kernel,
    call: Call,
    filters: int,
    window: tuple[int, int],
    padding: int,
    seed: int,
    nan: bool,
) -> None:
    """With `pool` the values and switches are, bit for bit, those of pooling the result without
    it."""
    g, rng = replace(call.g, K=filters), np.random.default_rng(seed)
    try:
        pool = PoolGeometry.of(g.y_shape, *window, padding)
    except ValueError:
        assume(False)
    assume(call.served(kernel, g, rectify=True, pool=pool))
    x, w = call.inputs["x"].copy(), np.resize(call.inputs["w"], g.w_shape)
    w *= rng.standard_normal((filters, 1, 1, 1)).astype(w.dtype)
    if nan and x.size:
        x[tuple(rng.integers(x.shape))] = np.nan
    compute = call.on(kernel)
    planes = compute(x, w, g, rectify=True)
    y, switches = compute(x, w, g, rectify=True, pool=pool)
    expected, places = pooling.max_pool2d(planes, pool)
    same(y, expected, "pooled values")
    same(switches, places, "switches")


@holds("prepared", "conv2d", "conv2d_dgrad", fills=("normal",), optional=True, large=None,
       images=st.integers(0, 5), applies=lambda kernel: kernel.prepare is not None)  # fmt: skip
def takes_prepared_weights(kernel: Kernel, call: Call, images: int) -> None:
    """Weights prepared for another batch size give the same bits, also after other weights were
    prepared."""
    kept = call.prepared(kernel, call.inputs["w"], replace(call.g, N=images))
    call.prepared(kernel, -call.inputs["w"], call.g)
    (plain,) = call.run(kernel)
    (again,) = replace(call, options=call.options | {"prepared": kept}).run(kernel)
    require(same_bits(again, plain), "prepared weights give another result")


@holds("chunks", *CONVOLUTIONS, "conv_relu_pool", fills=("normal",), optional=True, large=None,
       nbytes=st.sampled_from((1, 20_000)), applies=lambda kernel: kernel.chunked)  # fmt: skip
def can_do_with_little_memory(kernel: Kernel, call: Call, nbytes: int) -> None:
    """With intermediate arrays in small chunks, the result is the same."""
    with memory.in_chunks(nbytes):
        result = run(kernel, call)
    (expected,), (bound,) = call.define(), call.bound(kernel)
    agree(result, expected, bound)
