"""Results of a task in float64, with a bound of the error of a computation in a narrower type.

Every step takes values v and a bound e of their errors, and returns those of its results. Of a
linear step L with n terms the error is at most |L| e + n eps |L| (|v| + e), where |L| has the
absolute weights (Higham 2002, 3.1); of a function with slope at most s it is s e, and the few
roundings of the function itself. Of a normalisation, the errors of mean and variance are
propagated. With `typical`, n roundings count as a random walk of them (`kernels/bounds.py`), which
shows operands of lower precision in long sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import erf

from kernels.bounds import LAMBDA
from kernels.definition.precisions import ROUNDINGS as CHANGES
from kernels.definition.precisions import Rounding
from kernels.judge.tasks import windows
from kernels.judge.tasks.steps import Step, Task
from kernels.judge.tasks.windows import Window

ROUNDINGS = 8.0
"""Of a function such as exp: a few units in the last place, and of its argument."""


@dataclass(frozen=True)
class Value:
    """Values, and the bound of their errors."""

    v: np.ndarray
    e: np.ndarray

    @property
    def most(self) -> np.ndarray:
        """The largest magnitude of a computed value."""
        return np.abs(self.v) + self.e


@dataclass(frozen=True)
class Type:
    """The type of a computation; typical: roundings as a random walk."""

    eps: float
    tiny: float
    typical: bool = False

    def rounded(self, terms: float, absolute: np.ndarray) -> np.ndarray:
        """The error of so many roundings, relative to the sum of the absolute terms."""
        units = LAMBDA * math.sqrt(terms) / 2 if self.typical else terms
        result: np.ndarray = units * (self.eps * absolute + self.tiny)
        return result


def nearest_bfloat16(a: np.ndarray) -> np.ndarray:
    """float32 rounded to its upper 16 bits, ties to even; NaN and infinity as they are."""
    bits = np.ascontiguousarray(a, np.float32).view(np.uint32)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    kept = (bits + np.uint32(0x7FFF) + odd) & np.uint32(0xFFFF0000)
    return np.where(np.isfinite(a), kept.view(np.float32).reshape(np.shape(a)), a)


@dataclass(frozen=True)
class Storage:
    """A type in which operands and results are stored.

    unit: the largest relative error of one rounding; tiny: the smallest normal number; largest: the
    largest number.
    """

    rounding: Rounding
    unit: float
    tiny: float
    largest: float

    def rounded(self, a: np.ndarray) -> np.ndarray:
        """The values of an operand, each rounded to the nearest number of the type."""
        with np.errstate(over="ignore"):
            return self.rounding(np.asarray(a, np.float32))

    def stored(self, value: Value) -> Value:
        """The value after one more rounding; where it may overflow, nothing is bounded."""
        e = value.e + self.unit * (value.most + self.tiny)
        return Value(value.v, np.where(value.most * (1 + self.unit) < self.largest, e, np.inf))


MOVES = ("relu", "max_pool", "flatten")
"""Layers whose results are numbers that were stored before."""
STORAGES = {
    "float16": Storage(CHANGES["float16"], 2.0**-11, 2.0**-14, 65504.0),
    "bfloat16": Storage(nearest_bfloat16, 2.0**-8, 2.0**-126, 3.38e38),
}


def evaluated(
    task: Task, arrays: Mapping[str, np.ndarray], dtype: np.dtype, typical: bool = False
) -> Value:
    """The result of the task, and the bound of its error in the type.

    With a storage, that is the type in which sums are accumulated. The operands are exact once
    they are rounded to the storage, and each layer's result may be rounded to it once.
    """
    limits = np.finfo(dtype)
    kind = Type(float(limits.eps), float(limits.tiny), typical)
    if task.storage:
        arrays = {name: STORAGES[task.storage].rounded(a) for name, a in arrays.items()}
    inputs = [np.asarray(arrays[f"x{i}"], np.float64) for i in range(len(task.inputs))]
    value = Value(inputs[0], np.zeros_like(inputs[0]))
    with np.errstate(all="ignore"):
        for step in task.steps:
            weights = {k: np.asarray(arrays[name], np.float64) for k, name in step.weights}
            if step.kind == "matmul":
                weights["other"] = inputs[1]
            value = STEPS[step.kind](step, value, weights, kind)
            if task.storage and step.kind not in MOVES:
                value = STORAGES[task.storage].stored(value)
    return value


def _linear_map(
    value: Value, apply: Callable[[np.ndarray, bool], np.ndarray], terms: float, kind: Type,
    bias: np.ndarray | None = None,
) -> Value:  # fmt: skip
    """Any linear step: `apply` of values with the weights, or with the absolute weights."""
    v, absolute = apply(value.v, False), apply(value.most, True)
    carried = apply(value.e, True) if value.e.any() else np.zeros_like(v)
    if bias is not None:
        v, absolute, terms = v + bias, absolute + np.abs(bias), terms + 1
    return Value(v, carried + kind.rounded(terms, absolute))


def _window(step: Step) -> Window:
    return Window(step["size"], step["stride"], step["padding"], step["dilation"], step["groups"])


def _per_channel(bias: np.ndarray | None, axes: int) -> np.ndarray | None:
    return None if bias is None else bias.reshape(-1, *(1,) * axes)  # (K,) -> (K,1,...)


def _convolution(step: Step, value: Value, weights: Any, kind: Type) -> Value:
    window, w = _window(step), weights["weight"]
    terms = float(w[0].size)
    bias = _per_channel(weights.get("bias"), value.v.ndim - 2)
    return _linear_map(
        value, lambda x, a: windows.convolution(x, np.abs(w) if a else w, window), terms, kind, bias
    )


def _transposed(step: Step, value: Value, weights: Any, kind: Type) -> Value:
    window, w = _window(step), weights["weight"]
    terms = float(w.shape[0] // window.groups * math.prod(window.size))
    bias = _per_channel(weights.get("bias"), value.v.ndim - 2)
    more = step["output_padding"]
    return _linear_map(
        value, lambda x, a: windows.transposed(x, np.abs(w) if a else w, window, more), terms, kind,
        bias,
    )  # fmt: skip


def _linear(step: Step, value: Value, weights: Any, kind: Type) -> Value:
    w = weights["weight"]
    return _linear_map(
        value, lambda x, a: x @ (np.abs(w) if a else w).T, float(w.shape[1]), kind,
        weights.get("bias"),
    )  # fmt: skip


def _matmul(step: Step, value: Value, weights: Any, kind: Type) -> Value:
    other = weights["other"]
    return _linear_map(
        value, lambda x, a: x @ (np.abs(other) if a else other), float(other.shape[-2]), kind
    )


def _max_pool(step: Step, value: Value, weights: Any, kind: Type) -> Value:
    window = _window(step)
    return Value(windows.maximum(value.v, window), windows.maximum(value.e, window))


def _avg_pool(step: Step, value: Value, weights: Any, kind: Type) -> Value:
    window, counts = _window(step), step["count_include_pad"]
    terms = math.prod(window.size) + 1.0
    return _linear_map(value, lambda x, a: windows.average(x, window, counts), terms, kind)


def _global_avg_pool(step: Step, value: Value, weights: Any, kind: Type) -> Value:
    axes = tuple(range(2, value.v.ndim))
    terms = math.prod(value.v.shape[2:]) + 1.0
    return _linear_map(value, lambda x, a: x.mean(axes, keepdims=True), terms, kind)


def _normalised(
    value: Value, axes: tuple[int, ...], weights: Any, broadcast: Any, floor: float, kind: Type
) -> Value:
    """(v - mean) / sqrt(variance + floor), times a weight, plus a bias."""
    count = float(math.prod(value.v.shape[a] for a in axes))
    mean = value.v.mean(axes, keepdims=True)
    off = value.e.mean(axes, keepdims=True) + kind.rounded(
        count, value.most.mean(axes, keepdims=True)
    )
    centred = Value(value.v - mean, value.e + off + kind.rounded(1, value.most + np.abs(mean)))
    variance = (centred.v**2).mean(axes, keepdims=True)
    spread = (centred.most**2).mean(axes, keepdims=True)
    wrong = spread - variance + kind.rounded(count + 2, spread)
    return _scaled(centred, variance + floor, wrong, weights, broadcast, kind)


def _scaled(
    centred: Value, variance: np.ndarray, wrong: np.ndarray, weights: Any, broadcast: Any,
    kind: Type,
) -> Value:  # fmt: skip
    """The values over the root of the variance, whose error is `wrong`, times weight, plus bias."""
    least = np.maximum(variance - wrong, 0)
    scale, largest = 1 / np.sqrt(variance), 1 / np.sqrt(least)  # infinite where nothing is known
    gain = np.abs(weights["weight"].reshape(broadcast)) if "weight" in weights else 1.0
    signed = weights["weight"].reshape(broadcast) if "weight" in weights else 1.0
    bias = weights["bias"].reshape(broadcast) if "bias" in weights else 0.0
    v = centred.v * scale * signed + bias
    e = (centred.most * largest - np.abs(centred.v) * scale) * gain
    e = np.where(np.isfinite(e), e, np.inf)
    return Value(v, e + kind.rounded(ROUNDINGS, centred.most * largest * gain + np.abs(bias)))


def _batch_norm(step: Step, value: Value, weights: Any, kind: Type) -> Value:
    broadcast = (1, -1, *(1,) * (value.v.ndim - 2))
    if step["training"]:
        axes = (0, *range(2, value.v.ndim))
        return _normalised(value, axes, weights, broadcast, step["eps"], kind)
    mean = weights["running_mean"].reshape(broadcast)
    variance = weights["running_var"].reshape(broadcast) + step["eps"]
    off = kind.rounded(1, value.most + np.abs(mean))
    centred = Value(value.v - mean, value.e + off)
    # Implementations fold mean and bias into one shift, whose error is that of the two terms.
    folded = Value(centred.v, centred.e + kind.rounded(2, value.most + np.abs(mean)))
    return _scaled(folded, variance, kind.rounded(2, variance), weights, broadcast, kind)


def _layer_norm(step: Step, value: Value, weights: Any, kind: Type) -> Value:
    shape = tuple(step["shape"])
    axes = tuple(range(value.v.ndim - len(shape), value.v.ndim))
    return _normalised(value, axes, weights, shape, step["eps"], kind)


def _group_norm(step: Step, value: Value, weights: Any, kind: Type) -> Value:
    N, C, *planes = value.v.shape
    cut = (N, step["groups"], C // step["groups"], *planes)
    parts = Value(value.v.reshape(cut), value.e.reshape(cut))  # (N,C,...) -> (N,G,C/G,...)
    broadcast = (1, step["groups"], -1, *(1,) * len(planes))
    found = _normalised(parts, tuple(range(2, len(cut))), weights, broadcast, step["eps"], kind)
    shape = value.v.shape
    return Value(found.v.reshape(shape), found.e.reshape(shape))  # (N,G,C/G,...) -> (N,C,...)


def _function(f: Callable[[np.ndarray], np.ndarray], slope: float, exact: bool = False) -> Any:
    """A step of a function of each element, whose slope is at most `slope`."""

    def step(step: Step, value: Value, weights: Any, kind: Type) -> Value:
        v, carried = f(value.v), slope * value.e
        if exact:
            return Value(v, carried)
        rounds = kind.rounded(ROUNDINGS, np.abs(v) + slope * value.most)
        return Value(v, carried + rounds)

    return step


def _sigmoid(x: np.ndarray) -> np.ndarray:
    result: np.ndarray = 1 / (1 + np.exp(-x))
    return result


def _gelu(step: Step, value: Value, weights: Any, kind: Type) -> Value:
    def exactly(x: np.ndarray) -> np.ndarray:
        return np.asarray(x * (1 + erf(x / math.sqrt(2))) / 2)

    def by_tanh(x: np.ndarray) -> np.ndarray:
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
        return np.asarray(x * (1 + np.tanh(inner)) / 2)

    chosen = by_tanh if step["approximate"] == "tanh" else exactly
    found: Value = _function(chosen, 1.13)(step, value, weights, kind)
    return found


def _leaky(step: Step, value: Value, weights: Any, kind: Type) -> Value:
    a = step["slope"]
    f = _function(lambda x: np.where(x >= 0, x, a * x), max(1.0, abs(a)))
    found: Value = f(step, value, weights, kind)
    return found


def _hardtanh(step: Step, value: Value, weights: Any, kind: Type) -> Value:
    low, high = step["low"], step["high"]
    found: Value = _function(lambda x: np.clip(x, low, high), 1.0, True)(step, value, weights, kind)
    return found


def _softmax(step: Step, value: Value, weights: Any, kind: Type) -> Value:
    axis = step["axis"]
    shifted = np.exp(value.v - value.v.max(axis, keepdims=True))
    y = shifted / shifted.sum(axis, keepdims=True)
    terms = value.v.shape[axis] + ROUNDINGS
    span = value.most.max(axis, keepdims=True) * 2
    argument = value.e + value.e.max(axis, keepdims=True) + kind.rounded(2, span)
    return Value(y, y * np.expm1(2 * argument) + kind.rounded(terms, y * np.exp(2 * argument)))


def _scale(step: Step, value: Value, weights: Any, kind: Type) -> Value:
    factor = weights["other"] if "other" in weights else step["by"]
    v, absolute = value.v * factor, value.most * np.abs(factor)
    return Value(v, value.e * np.abs(factor) + kind.rounded(2, absolute))


def _shift(step: Step, value: Value, weights: Any, kind: Type) -> Value:
    term = weights["other"] if "other" in weights else step["by"]
    v, absolute = value.v + term, value.most + np.abs(term)
    return Value(v, np.broadcast_to(value.e, v.shape) + kind.rounded(2, absolute))


def _flatten(step: Step, value: Value, weights: Any, kind: Type) -> Value:
    N = value.v.shape[0]
    return Value(value.v.reshape(N, -1), value.e.reshape(N, -1))  # (N,...) -> (N,all)


STEPS: dict[str, Callable[[Step, Value, Any, Type], Value]] = {
    "conv": _convolution,
    "conv_transpose": _transposed,
    "linear": _linear,
    "matmul": _matmul,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "global_avg_pool": _global_avg_pool,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "relu": _function(lambda x: np.maximum(x, 0), 1.0, True),
    "leaky_relu": _leaky,
    "sigmoid": _function(_sigmoid, 0.25),
    "tanh": _function(np.tanh, 1.0),
    "gelu": _gelu,
    "silu": _function(lambda x: x * _sigmoid(x), 1.1),
    "hardswish": _function(lambda x: x * np.clip(x + 3, 0, 6) / 6, 1.5),
    "hardtanh": _hardtanh,
    "softmax": _softmax,
    "scale": _scale,
    "shift": _shift,
    "flatten": _flatten,
}
