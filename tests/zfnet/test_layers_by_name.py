"""Layers of networks with branches, each against the formula that its name says."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import Tensor, nn
from tests.zfnet.test_branches import near

SLOPES = np.array([0.1, 0.2, 0.3]).reshape(1, 3, 1, 1)
SCALES = np.array([1.0, 2, 3]).reshape(1, 3, 1, 1)
SHIFTS = np.array([4.0, 5, 6]).reshape(1, 3, 1, 1)


@pytest.mark.parametrize(
    ("layer", "true"),
    [
        (nn.LeakyReLU(0.2), lambda x: np.where(x > 0, x, 0.2 * x)),
        (nn.PReLU(np.array([0.1, 0.2, 0.3])), lambda x: np.where(x > 0, x, x * SLOPES)),
        (nn.Clip(0, 6), lambda x: np.clip(x, 0, 6)),
        (nn.Sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
        (nn.Tanh(), np.tanh),
        (nn.Softmax(1), lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)),
        (nn.Affine(np.array([1.0, 2, 3]), np.array([4.0, 5, 6])), lambda x: x * SCALES + SHIFTS),
        (nn.GlobalAvgPool2d(), lambda x: x.mean(axis=(2, 3), keepdims=True)),
        (nn.GlobalMaxPool2d(), lambda x: x.max(axis=(2, 3), keepdims=True)),
        (nn.Reshape((-1, 3)), lambda x: x.reshape(2, -1, 3)),
        (nn.Transpose((0, 2, 3, 1)), lambda x: x.transpose(0, 2, 3, 1)),
        (nn.Identity(), lambda x: x),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_layer_computes_what_its_name_says(layer: nn.Module, true) -> None:  # type: ignore[no-untyped-def]
    x = np.random.default_rng(4).uniform(-8, 8, (2, 3, 5, 6))
    assert near(layer(Tensor(x)).data, true(x))
