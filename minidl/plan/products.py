"""Convolutions and linear layers of a plan, bound to their kernels."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any, cast

import numpy as np

import kernels
from kernels.contract import memory
from kernels.contract.bound import Call, Options
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.kernel import Kernel
from kernels.contract.stage_geometry import StageGeometry
from kernels.conv2d.winograd_1d import bind_pooled
from kernels.cpu import epilogue as epilogues
from minidl import nn
from minidl.functional.fused import settings_of
from minidl.functional.linear import as_convolution
from minidl.plan.fusion import Activation, Step
from minidl.plan.places import Places, alike, flat
from minidl.plan.unfused import epilogue_of
from minidl.prepared_weights import choose
from minidl.recording import recording


def convolution(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...] | None:
    """The convolution with what follows it; by the kernel's own call where it binds none."""
    layer = cast(nn.Conv2d, step.layers[0])
    x = places[step.inputs[0]]
    weight, bias = layer.weight, None if layer.bias is None else layer.bias._array
    g = ConvGeometry.of(x.shape, weight.shape, *settings_of(layer.settings))
    kernel, kept = choose("conv2d", weight, g)
    if step.pooling is not None:
        return _pooled(step, places, kernel, x, g, Options(bias, True, kept.get("prepared")))
    y = places.new(step.output)
    if step.residual is not None and not alike(y, places[step.residual]):
        return None
    able, here = kernel.abilities, y
    bound = able.bind is not None and memory.takes_results(x)
    if not memory.takes_results(y) and not (bound and able.wide):
        here = places.scratch(y.shape, y.dtype, "NHWC")
    rectify = step.residual is None and _is_relu(step.activation) and kernel.rectifies
    after = None if rectify else epilogue_of(step, places, y)
    options = Options(bias, rectify, kept.get("prepared"), after, places.scratch)
    if able.bind is not None and bound:
        calls: list[Call] = [able.bind(x, weight._array, g, here, options)]
    else:
        asked = {"bias": bias, **kept} | ({"rectify": True} if rectify else {})
        calls = [partial(_write, kernel, (x, weight._array, g), asked, here)]
        if after is not None:
            calls.append(epilogues.bind(memory.flat(here), memory.flat(here), after))
    if here is not y:
        calls.append(partial(np.copyto, y, here))
    return tuple(calls)


def _pooled(
    step: Step, places: Places, kernel: Kernel, x: np.ndarray, g: ConvGeometry, options: Options
) -> tuple[Call, ...]:
    """Convolution, ReLU and max-pooling, by the kernels that run without a plan."""
    layer, pooling = cast(nn.Conv2d, step.layers[0]), step.pooling
    assert pooling is not None
    p = PoolGeometry.of(g.y_shape, **pooling.settings)
    stage = StageGeometry(g, p, kernel.name)
    fused = kernels.pick_for("conv_relu_pool", x, stage)
    y, w = places.new(step.output), layer.weight._array
    switches = places.scratch(p.y_shape, np.int32, "NHWC")
    allocated = Options(options.bias, True, options.prepared, None, places.scratch)
    canonical = memory.takes_results(x)
    if canonical and fused.name == "one_pass" and kernel.name == "winograd_1d":
        return (bind_pooled(x, w, g, p, (y, switches), allocated),)
    max_pool = kernels.pick_for("max_pool2d", x, p)
    able = kernel.abilities
    pool = max_pool.abilities.bind
    if able.bind is None or not canonical or pool is None or not kernel.rectifies:
        asked = {"bias": options.bias}
        asked |= {} if options.prepared is None else {"prepared": options.prepared}
        return (partial(_write, fused, (x, w, stage), asked, (y, switches)),)
    planes = places.scratch(g.y_shape, x.dtype, "NHWC")
    convolve = able.bind(x, w, g, planes, allocated)
    return convolve, pool(planes, p, (y, switches), Options())


def _write(kernel: Kernel, operands: Any, options: Any, out: Any) -> None:
    """A kernel's result into `out`."""
    made = kernel(*operands, **options)
    if isinstance(out, tuple):
        for place, result in zip(out, made, strict=True):
            place[...] = result
    else:
        out[...] = made


def _is_relu(activation: Activation | None) -> bool:
    return activation is not None and activation.function == "relu"


def linear(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...] | None:
    """Of some rows a 1 x 1 convolution, of one or two the product itself, and the bias."""
    layer, x = cast(nn.Linear, step.layers[0]), places[step.inputs[0]]
    if x.ndim < 2 or not x.flags.c_contiguous:
        return None
    with recording(False):
        g = as_convolution(x, layer.weight)
    if g is not None:
        return _linear_convolution(step, places, g)
    if x.ndim > 2:
        return None
    b = layer.weight._array.T  # (K,F) -> (F,K), a view
    shape = x.shape[0], b.shape[1], x.shape[1]
    kernel = kernels.pick_for("matmul", x, shape)
    if kernel.abilities.bind is None:
        return None
    y = places.new(step.output)
    bias = None if layer.bias is None else layer.bias._array
    calls = [kernel.abilities.bind(x, b, shape, y, Options(bias))]
    after = epilogue_of(step, places, y)
    if after is not None:
        calls.append(epilogues.bind(flat(y), flat(y), after))
    return tuple(calls)


def _linear_convolution(step: Step, places: Places, g: ConvGeometry) -> tuple[Call, ...] | None:
    layer, x = cast(nn.Linear, step.layers[0]), places[step.inputs[0]]
    kernel, kept = choose("conv2d", layer.weight, g)
    if kernel.abilities.bind is None:
        return None
    y = places.new(step.output)
    pixels, out = (
        memory.nchw(a.reshape(1, -1, 1, a.shape[-1])) for a in (x, y)
    )  # (...,F) -> (1,F,M,1), the same memory
    bias = None if layer.bias is None else layer.bias._array
    options = Options(
        bias, False, kept.get("prepared"), epilogue_of(step, places, y), places.scratch
    )
    w = layer.weight._array.reshape(g.w_shape)  # (K,F) -> (K,F,1,1), the same memory
    return (kernel.abilities.bind(pixels, w, g, out, options),)
