"""Drawn models of operators with sliding windows: convolutions and pooling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.minidl.onnx_cases import Case, case, pair, planes, single
from tests.minidl.onnx_graphs import drawn


def sliding(rng: np.random.Generator, x: np.ndarray, opset: int, pooled: bool) -> dict[str, Any]:
    """Settings of a window that fits into x and, for pooling, never has padding alone."""
    auto = str(rng.choice(["NOTSET", "NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    most = [min(4, size) for size in x.shape[2:]]
    kernel = [int(rng.integers(1, size + 1)) for size in most]
    settings: dict[str, Any] = {"kernel_shape": kernel, "strides": pair(rng, 1, 3)}
    if auto.startswith("SAME"):
        settings["strides"] = [int(rng.integers(1, size + 1)) for size in kernel]
    if auto == "NOTSET" and rng.random() < 0.8:
        settings["pads"] = [int(rng.integers(0, size)) for size in kernel * 2]
    elif auto != "NOTSET":
        settings["auto_pad"] = auto
    if pooled and opset >= 10:
        settings["ceil_mode"] = int(rng.integers(2))
    return settings


def in_reference(settings: dict[str, Any]) -> bool:
    """True if the standard's evaluator follows the standard for pooling in such windows."""
    pads = settings.get("pads", [0, 0, 0, 0])
    return not settings.get("ceil_mode") and len(set(pads)) == 1 and "auto_pad" not in settings


@case
def Conv(rng: np.random.Generator, opset: int) -> Case:
    groups = int(rng.integers(1, 4))
    x = planes(rng, channels=2 * groups)
    settings = sliding(rng, x, opset, pooled=False)
    R, S = settings["kernel_shape"]
    if "auto_pad" not in settings and x.shape[2] / 2 > R and x.shape[3] / 2 > S:
        settings["dilations"] = pair(rng, 1, 2)
    weight = drawn(rng, 3 * groups, 2, R, S)
    bias = drawn(rng, 3 * groups) if rng.random() < 0.5 else None
    proto = single("Conv", opset, x, weight, *([] if bias is None else [bias]), group=groups,
                   **settings)  # fmt: skip
    return Case(proto, x, terms=2 * R * S + 1)


@case
def ConvTranspose(rng: np.random.Generator, opset: int) -> Case:
    groups = int(rng.integers(1, 3))
    x = planes(rng, channels=2 * groups)
    kernel, strides, dilations = pair(rng, 1, 4), pair(rng, 1, 3), pair(rng, 1, 2)
    settings: dict[str, Any] = {"strides": strides, "dilations": dilations, "group": groups}
    extra = [int(rng.integers(0, stride)) for stride in strides]
    axes = list(zip(x.shape[2:], kernel, strides, dilations, extra, strict=True))
    whole = [(size - 1) * s + (k - 1) * d + 1 + more for size, k, s, d, more in axes]
    same = all((k - 1) * d + 1 >= s for _, k, s, d, _ in axes)  # else SAME asks for more than whole
    kind = str(rng.choice(["pads", "output_shape", "VALID", *["SAME_UPPER", "SAME_LOWER"] * same]))
    if kind == "pads":
        settings["pads"] = [int(rng.integers(0, (min(size, 3) + 1) // 2)) for size in whole * 2]
    elif kind == "output_shape":
        settings["output_shape"] = [size - int(rng.integers(0, min(size, 3))) for size in whole]
        settings["auto_pad"] = str(rng.choice(["NOTSET", "SAME_UPPER", "SAME_LOWER"]))
    else:
        settings["auto_pad"] = kind
    weight, bias = drawn(rng, 2 * groups, 3, *kernel), drawn(rng, 3 * groups)
    proto = single("ConvTranspose", opset, x, weight, bias, output_padding=extra, **settings)
    # Each output sums the channels and taps that reach it, in any order.
    terms = 2 * math.prod(kernel) + 1
    return Case(proto, x, terms, reference=groups == 1 and kind in ("pads", "VALID"))


@case
def MaxPool(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    settings = sliding(rng, x, opset, pooled=True)
    R, S = settings["kernel_shape"]
    alone = "auto_pad" not in settings and "pads" not in settings
    if opset >= 10 and alone and x.shape[2] >= 2 * R - 1 and x.shape[3] >= 2 * S - 1:
        settings["dilations"] = [2, 2]
    return Case(single("MaxPool", opset, x, **settings), x, reference=in_reference(settings))


@case
def AveragePool(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    settings = sliding(rng, x, opset, pooled=True) | {"count_include_pad": int(rng.integers(2))}
    proto = single("AveragePool", opset, x, **settings)
    terms = math.prod(settings["kernel_shape"]) + 1
    return Case(proto, x, terms, reference=in_reference(settings))
