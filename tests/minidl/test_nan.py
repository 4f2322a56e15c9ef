"""Tests of NaN against PyTorch: what a function returns and what its gradient is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import Tensor
from minidl import functional as F

torch: Any = pytest.importorskip("torch")
pytestmark = [pytest.mark.quick, pytest.mark.filterwarnings("ignore:invalid value")]
NAN = float("nan")
LINE = [NAN, 1.0, NAN, 1.0, 2.0, -1.0, 0.0, -0.0, float("inf"), -float("inf")]
OTHER = [1.0, NAN, NAN, 1.0, 1.0, 0.0, -1.0, 0.0, 1.0, NAN]
PAIRS: dict[str, tuple[Any, Any]] = {
    "relu": (F.relu, torch.relu),
    "clip": (lambda x: F.clip(x, 0.0, 1.0), lambda x: torch.clip(x, 0.0, 1.0)),
    "clip below": (lambda x: F.clip(x, 1.0, 0.0), lambda x: torch.clip(x, 1.0, 0.0)),
    "clip at NaN": (lambda x: F.clip(x, NAN, 1.0), lambda x: torch.clip(x, NAN, 1.0)),
    "maximum": (F.maximum, torch.maximum),
    "minimum": (F.minimum, torch.minimum),
    "amax": (F.amax, torch.amax),
    "amax of rows": (
        lambda x: F.amax(F.reshape(x, (5, 2)), 1),
        lambda x: torch.amax(x.reshape(5, 2), 1),
    ),
    "leaky": (
        lambda x: F.where(x.data > 0, x, x * 0.5),
        lambda x: torch.nn.functional.leaky_relu(x, 0.5),
    ),
    "sigmoid": (F.sigmoid, torch.sigmoid),
    "softmax": (lambda x: F.softmax(x[:4]), lambda x: torch.softmax(x[:4], 0)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", PAIRS)
def test_nan_is_pytorchs_forward_and_backward(name: str, dtype: Any) -> None:
    function, theirs = PAIRS[name]
    arrays = [np.array(LINE, dtype), np.array(OTHER, dtype)]
    arrays = arrays[: 2 if name in ("maximum", "minimum") else 1]
    inputs = [Tensor(a, requires_grad=True) for a in arrays]
    others = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, expected = function(*inputs), theirs(*others)
    gy = np.random.default_rng(0).standard_normal(y.shape).astype(dtype)
    y.backward(gy)
    expected.backward(torch.tensor(gy))
    assert np.allclose(y.data, expected.detach().numpy(), equal_nan=True)
    for tensor, other in zip(inputs, others, strict=True):
        assert tensor.grad is not None
        assert np.allclose(tensor.grad.data, other.grad.numpy(), equal_nan=True), name
