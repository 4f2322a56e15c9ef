"""Tests of batches without images: every gradient is there, and all zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import Tensor, nn
from minidl.nn.describe import PLAIN, WEIGHTED

RNG = np.random.default_rng(0)
ONES = np.ones(3, np.float32)
PLANES, ROWS = (0, 3, 9, 9), (0, 3)


def run(*names: str) -> nn.Sequential:
    kinds = {"r": nn.ReLU(), "p": nn.MaxPool2d(2), "a": nn.AvgPool2d(2)}
    return nn.Sequential(c=nn.Conv2d(3, 4, 3, rng=RNG), **{name: kinds[name] for name in names})


LAYERS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "Conv2d": (nn.Conv2d(3, 4, 3, rng=RNG), PLANES),
    "Conv2d 1x1": (nn.Conv2d(3, 4, 1, rng=RNG), PLANES),
    "Conv2d of groups": (nn.Conv2d(3, 6, 3, groups=3, rng=RNG), PLANES),
    "Conv2d strided": (nn.Conv2d(3, 32, 7, 2, 1, rng=RNG), PLANES),
    "ConvTranspose2d": (nn.ConvTranspose2d(3, 4, 3, 2, rng=RNG), PLANES),
    "Linear": (nn.Linear(3, 4, rng=RNG), ROWS),
    "Affine": (nn.Affine(ONES, ONES), PLANES),
    "PReLU": (nn.PReLU(ONES), PLANES),
    "MaxPool2d": (nn.MaxPool2d(2), PLANES),
    "AvgPool2d": (nn.AvgPool2d(2), PLANES),
    "Pixels": (nn.Pixels([2, 1, 0], [1, 2, 3]), PLANES),
    "Clip": (nn.Clip(0, 6), ROWS),
    "Reshape": (nn.Reshape([9, 27]), PLANES),
    "Reshape of windows": (nn.Reshape([3, 3, -1], rows=9), PLANES),
    "Transpose": (nn.Transpose([0, 2, 3, 1]), PLANES),
    "Slice": (nn.Slice([8, 0], [None, 2], [-2, 1], [2, 1]), PLANES),
    "Gather": (nn.Gather([[0, 2], [2, 2]], 1), PLANES),
    "Expand": (nn.Expand([-1, 3, -1, -1]), PLANES),
    "Repeat": (nn.Repeat([1, 2, 1, 3]), PLANES),
    "Roll": (nn.Roll([1, -2], [2, 3]), PLANES),
    "Scale": (nn.Scale(np.ones((3, 1, 9), np.float32)), PLANES),
    "Shift": (nn.Shift(np.ones((3, 1, 9), np.float32)), PLANES),
    "Constant": (nn.Constant(np.ones((1, 2, 5), np.float32)), PLANES),
    "Pad": (nn.Pad([1, 2, -1, 0], "reflect"), PLANES),
    "Resize": (nn.Resize(scales=[2, 0.5], mode="cubic"), PLANES),
    "Upsample": (nn.Upsample(scale_factor=2, mode="bilinear"), PLANES),
    "DepthToSpace": (nn.DepthToSpace(2), (0, 8, 3, 3)),
    "SpaceToDepth": (nn.SpaceToDepth(3, "CRD"), PLANES),
    "LayerNorm": (nn.LayerNorm([9, 9]), PLANES),
    "GroupNorm": (nn.GroupNorm(3, 3), PLANES),
    "InstanceNorm2d": (nn.InstanceNorm2d(3, affine=True), PLANES),
    "BatchNorm1d": (nn.BatchNorm1d(3).eval(), ROWS),
    "BatchNorm2d": (nn.BatchNorm2d(3).eval(), PLANES),
    "convolution and ReLU": (run("r"), PLANES),
    "convolution, ReLU and max-pooling": (run("r", "p"), PLANES),
    "convolution, ReLU and mean": (run("r", "a"), PLANES),
} | {
    name: (PLAIN[name](), PLANES)
    for name in (
        "ReLU", "LocalContrastNorm", "LocalResponseNorm", "Flatten", "Dropout", "LeakyReLU",
        "Sigmoid", "Tanh", "Softmax", "Identity", "Add", "Concatenate", "GlobalAvgPool2d",
        "GlobalMaxPool2d", "ReLU6", "ELU", "Softplus", "SiLU", "Mish", "GELU", "Hardswish",
        "Hardsigmoid", "LogSoftmax", "Negate", "Absolute", "Reciprocal", "Exp", "Log", "Sqrt",
        "Erf", "Sin", "Cos", "Floor", "Round", "Sign", "Subtract", "Multiply", "Divide", "Maximum",
        "Minimum", "MatMul", "Where",
    )
} | {
    name: (PLAIN[name](dim=(2, -1)), PLANES)  # type: ignore[call-arg]
    for name in ("Sum", "Mean", "Amax", "Amin", "Var")
} | {"Power": (nn.Power(2), PLANES)}  # fmt: skip
INPUTS = {"Subtract": 2, "Divide": 2, "MatMul": 2, "Where": 3}
"""Layers with several inputs: each gets the same."""


def test_every_kind_of_layer_has_a_case() -> None:
    assert PLAIN.keys() | WEIGHTED.keys() <= LAYERS.keys()


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_every_gradient_of_an_empty_batch_is_zero(name: str, create_graph: Any) -> None:
    layer, shape = LAYERS[name]
    layer.zero_grad()
    x = Tensor(np.zeros(shape, np.float32), requires_grad=True)
    y = layer(*[x] * INPUTS.get(name, 1))
    y.backward(np.zeros(y.shape, np.float32), create_graph=create_graph)
    reached = () if isinstance(layer, nn.Constant) else (x,)  # it does not read x's values
    for tensor in (*reached, *layer.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.shape == tensor.shape and tensor.grad.dtype == tensor.dtype
        assert not tensor.grad.data.any()
