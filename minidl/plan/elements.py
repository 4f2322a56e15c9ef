"""Elementwise layers and joins of a plan, bound to compiled loops."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from itertools import accumulate
from typing import cast

import numpy as np

from kernels.concatenate import lines
from kernels.contract.bound import Call
from kernels.cpu import epilogue as epilogues
from kernels.cpu import scaled
from kernels.cpu.epilogue import epilogue
from minidl import nn
from minidl.functional.batch_norm import fixed_scale
from minidl.plan.fusion import Activation, Step, activation_of, along_channels
from minidl.plan.places import Places, alike, channels_last, flat, pixels_apart
from minidl.plan.unfused import epilogue_of, unfused


def total(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...] | None:
    f = step.activation or Activation("identity")
    y = places.new(step.output)
    inputs = [places[name] for name in step.inputs]
    if len(inputs) != 2 or any(not alike(y, each) for each in inputs):
        return unfused(step, places, y)
    after = epilogue(f.function, y.dtype, flat(inputs[1]), f.alpha, f.beta)
    return (epilogues.bind(flat(inputs[0]), flat(y), after),)


def affine(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...]:
    layer, x = cast(nn.Affine, step.layers[0]), places[step.inputs[0]]
    y = places.new(step.output)
    if not pixels_apart(x) or not channels_last(y):
        return unfused(step, places, y)
    after = epilogue_of(step, places, y) or epilogues.nothing(y.dtype)
    return (scaled.bind(x, layer.weight._array, layer.bias._array, y, after),)


def batch_norm(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...] | None:
    """By the running statistics as they are in each run."""
    layer, x = cast(nn.BatchNorm2d, step.layers[0]), places[step.inputs[0]]
    if layer.training or layer.running_mean is None or not pixels_apart(x):
        return None
    y = places.new(step.output)
    if not channels_last(y) or layer.running_mean.dtype != x.dtype:
        return unfused(step, places, y)
    scale, term = np.empty((2, x.shape[1]), x.dtype)
    after = epilogue_of(step, places, y) or epilogues.nothing(y.dtype)
    return partial(_fix, layer, scale, term), scaled.bind(x, scale, term, y, after)


def _fix(layer: nn.BatchNorm2d, scale: np.ndarray, term: np.ndarray) -> None:
    mean, variance = layer.running_mean, layer.running_var
    assert mean is not None and variance is not None
    scale[...], term[...] = fixed_scale(mean, variance, layer.weight, layer.bias, layer.eps)


def shift(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...] | None:
    """The sum with one term a channel, where the channels are the last axis of memory."""
    (source,), weight = step.inputs, cast(nn.Shift, step.layers[0]).weight._array
    x = places[source]
    last = x.ndim - 1 if x.flags.c_contiguous else 1
    terms = np.broadcast_shapes(weight.shape, (1,) * x.ndim)
    if not alike(x, x) or terms != tuple(n if a == last else 1 for a, n in enumerate(x.shape)):
        return None
    here = source in dying and places.is_last(source)
    y = places.view(step.output, source, x) if here else places.new(step.output)
    if not alike(x, y):
        return unfused(step, places, y)
    rows = flat(x).reshape(-1, weight.size), flat(y).reshape(-1, weight.size)  # (...,C) -> (M,C)
    after = epilogue_of(step, places, y) or epilogues.nothing(y.dtype)
    return (scaled.bind_shift(rows[0], weight.reshape(-1), rows[1], after),)


def product(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...] | None:
    """Planes times one factor each, as in squeeze-and-excitation."""
    inputs = sorted((places[name] for name in step.inputs), key=np.size)
    if len(inputs) != 2:
        return None
    gate, x = inputs
    if x.ndim != 4 or gate.shape != (*x.shape[:2], 1, 1):
        return None
    y = places.new(step.output)
    if not channels_last(x, y, gate):
        return unfused(step, places, y)
    after = epilogue_of(step, places, y) or epilogues.nothing(y.dtype)
    factors = flat(gate).reshape(x.shape[:2])  # (N,C,1,1) -> (N,C), the same memory
    return (scaled.bind(x, factors, None, y, after),)


def concatenation(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...] | None:
    """The kernel's copies, one for each input that is not in its place."""
    y, whole = places.new(step.output), places.whole(step.output)
    inputs = [places[name] for name in step.inputs]
    if not along_channels(step.layers[0]) or not channels_last(places[whole]):
        return unfused(step, places, y)
    firsts = accumulate((x.shape[1] for x in inputs), initial=0)
    calls = list[Call]()
    to_copy = places.to_copy(step.inputs, whole)
    for x, first, copied in zip(inputs, firsts, to_copy, strict=False):
        if copied and channels_last(x):
            calls.append(lines.bind(x, places[whole], first))
        elif copied:
            calls.append(partial(np.copyto, y[:, first : first + x.shape[1]], x))
    return tuple(calls)


def activation(step: Step, places: Places, dying: Collection[str]) -> tuple[Call, ...] | None:
    """In place where nothing else reads the input."""
    f = activation_of(step.layers[0])
    (source,) = step.inputs
    x = places[source]
    if f is None or not alike(x, x):
        return None
    if source in dying and places.is_last(source):
        y = places.view(step.output, source, x)
    else:
        y = places.new(step.output)
        if not alike(x, y):
            return unfused(step, places, y)
    after = epilogue(f.function, x.dtype, None, f.alpha, f.beta)
    return (epilogues.bind(flat(x), flat(y), after),)
