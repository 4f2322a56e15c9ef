"""Drawn models of operators that give the values another shape or order."""

from __future__ import annotations

import numpy as np

from tests.minidl.onnx_cases import Case, case, planes, single
from tests.minidl.onnx_graphs import drawn, model, node


@case
def Flatten(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    settings: dict[str, int] = [{}, {"axis": 1}, {"axis": -3 if opset >= 11 else 1}][
        rng.integers(3)
    ]
    return Case(single("Flatten", opset, x, **settings), x)


@case
def Reshape(rng: np.random.Generator, opset: int) -> Case:
    x = drawn(rng, 2, 4, 3, 6)
    targets = [[0, -1], [-1, 72], [0, 2, 2, 3, 6], [0, 0, -1], [-1, 12, 6]]
    return Case(single("Reshape", opset, x, np.array(targets[rng.integers(len(targets))])), x)


@case
def Transpose(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    return Case(
        single("Transpose", opset, x, perm=[0, *(int(v) for v in 1 + rng.permutation(3))]), x
    )


def moved(operator: str, opset: int, x: np.ndarray, axes: list[int]) -> Case:
    if opset >= 13:
        return Case(model([node(operator, "x c")], x.shape, opset, c=np.array(axes)), x)
    return Case(model([node(operator, "x", axes=axes)], x.shape, opset), x)


@case
def Squeeze(rng: np.random.Generator, opset: int) -> Case:
    axes = [[1], [2, 3], [1, 3], [-1, -3] if opset >= 11 else [1, 3]][rng.integers(4)]
    sizes = [1 if axis in [a % 4 for a in axes] else 3 for axis in range(1, 4)]
    return moved("Squeeze", opset, drawn(rng, 2, *sizes), axes)


@case
def Unsqueeze(rng: np.random.Generator, opset: int) -> Case:
    axes = [[1], [2, 3], [4], [-1, -2] if opset >= 11 else [3]][rng.integers(4)]
    return moved("Unsqueeze", opset, planes(rng), axes)
