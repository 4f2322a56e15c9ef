"""Drawn models of operators that select, repeat, pad and resize."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.minidl.onnx_cases import CASES, Case, Draw, planes, single
from tests.minidl.onnx_graphs import drawn, model, node


def _case(draw: Draw) -> Draw:
    CASES[draw.__name__] = draw
    return draw


@_case
def Slice(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    axes = [[1], [2, 3], [-1], [3, 1]][rng.integers(4)]
    starts = [int(rng.integers(-2, 1)) for _ in axes]
    ends = [2**31 - 1 for _ in axes]
    if opset < 10:
        positive = [axis % 4 for axis in axes]
        return Case(single("Slice", opset, x, starts=starts, ends=ends, axes=positive), x)
    steps = [int(rng.choice([1, 2, -1])) for _ in axes]
    ends = [-(2**31) if step < 0 else end for step, end in zip(steps, ends, strict=True)]
    starts = [-1 if step < 0 else start for step, start in zip(steps, starts, strict=True)]
    given = (np.array(each) for each in (starts, ends, axes, steps))
    return Case(single("Slice", opset, x, *given), x)


@_case
def Split(rng: np.random.Generator, opset: int) -> Case:
    """Both parts are used."""
    x = drawn(rng, 2, 6, 4, 5)
    sizes = [[2, 4], [3, 3]][rng.integers(2)]
    if opset >= 13:
        cut = node("Split", "x s", "a b", axis=1)
    else:
        cut = node("Split", "x", "a b", axis=1, split=sizes)
    nodes = [cut, node("Concat", "b a", axis=1)]
    constants = {"s": np.array(sizes)} if opset >= 13 else {}
    return Case(model(nodes, ["N", *x.shape[1:]], opset, **constants), x)


@_case
def Gather(rng: np.random.Generator, opset: int) -> Case:
    x, axis = planes(rng), int(rng.integers(1, 4))
    places = [np.array(0), np.array([1, 0]), np.array([[0], [1]]), np.array(-1)]
    at = places[int(rng.integers(4 if opset >= 11 else 3))] % x.shape[axis]
    return Case(single("Gather", opset, x, at, axis=axis), x)


@_case
def Expand(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    target = [[1, x.shape[1], 1, 5], [2, 1, x.shape[1], 3, 1], [x.shape[1], 4, 1]][rng.integers(3)]
    nodes = node("ReduceMax", "x", "m", axes=[2, 3]), node("Expand", "m c")
    return Case(model(nodes, ["N", *x.shape[1:]], min(opset, 17), c=np.array(target)), x)


@_case
def Tile(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    return Case(single("Tile", opset, x, np.array([1, *rng.integers(1, 4, 3)])), x)


@_case
def Pad(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    modes = ["constant", "reflect", "edge", *(["wrap"] if opset >= 19 else [])]
    mode = modes[rng.integers(len(modes))]
    pads = [0, 0, *rng.integers(0, 2, 2), 0, 0, *rng.integers(0, 2, 2)]
    if opset < 11:
        settings = {"value": 0.7} if mode == "constant" else {}
        return Case(single("Pad", opset, x, mode=mode, pads=[int(p) for p in pads], **settings), x)
    value = [np.float32(0.7)] if mode == "constant" else []
    return Case(single("Pad", opset, x, np.array(pads, np.int64), *value, mode=mode), x)


def _resized(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    scales = np.array([1, 1, *rng.choice([2, 3], 2)], np.float32)
    if opset < 11:
        mode = ["nearest", "linear"][rng.integers(2)]
        return Case(single("Resize", opset, x, scales, mode=mode), x, 100, "one", False)
    mode = ["nearest", "linear", "cubic"][rng.integers(3)]
    settings: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": str(rng.choice(
        ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"]))}  # fmt: skip
    region = np.zeros(0, np.float32)
    if rng.random() < 0.5:
        return Case(single("Resize", opset, x, region, scales, **settings), x, 100, "one", False)
    sizes = np.array([*x.shape[:2], *rng.integers(2, 20, 2)])
    scales_left_out = region if opset < 13 else None  # which has to be given, of no values
    proto = single("Resize", opset, x, region, scales_left_out, sizes, **settings)
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = len(x)
    return Case(proto, x, 100, "one", False)


@_case
def Resize(rng: np.random.Generator, opset: int) -> Case:
    return _resized(rng, max(opset, 10))


@_case
def Upsample(rng: np.random.Generator, opset: int) -> Case:
    x, opset = planes(rng), min(opset, 9)
    scales = [1.0, 1.0, *(float(v) for v in rng.choice([2, 3], 2))]
    mode = ["nearest", "linear"][rng.integers(2)]
    if opset < 9:
        return Case(single("Upsample", opset, x, mode=mode, scales=scales), x, 100, "one", False)
    given = np.array(scales, np.float32)
    return Case(single("Upsample", opset, x, given, mode=mode), x, 100, "one", False)


@_case
def DepthToSpace(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng, channels=8)
    settings = {"mode": str(rng.choice(["DCR", "CRD"]))} if opset >= 11 else {}
    return Case(single("DepthToSpace", opset, x, blocksize=2, **settings), x)


@_case
def SpaceToDepth(rng: np.random.Generator, opset: int) -> Case:
    x = drawn(rng, 2, 3, 4, 6)
    return Case(single("SpaceToDepth", opset, x, blocksize=2), x)
