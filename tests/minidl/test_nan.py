"""Tests of NaN against PyTorch: what a function returns and what its gradient is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kernels
from kernels.contract.arrays import emulated, host
from kernels.contract.memory import canonicalise
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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_every_kernel_of_relus_gradient_passes_it_at_nan(device: str, dtype: Any) -> None:
    x, gy = np.array(LINE, dtype), np.arange(1, 1 + len(LINE)).astype(dtype)
    move = emulated if device == "cuda" else canonicalise
    for kernel in (k for k in kernels.all_kernels("relu_vjp") if k.device == device):
        gx = host(kernel(move(gy), move(x)))
        assert gx.tolist() == np.where(x <= 0, 0, gy).tolist(), kernel.name


@pytest.mark.parametrize("device", ["cpu", "emulator"])
@pytest.mark.parametrize("collisions", ["max", "last"])
@pytest.mark.parametrize(
    "values", [[NAN, NAN, 1.0], [1.0, NAN, NAN], [NAN, 2.0, 3.0], [2.0, 3.0, NAN]]
)
def test_one_of_colliding_windows_gets_the_gradient(
    values: list[float], collisions: str, device: str
) -> None:
    """Three windows with one switch, and a fourth alone."""
    y = Tensor(np.array([*values, 5.0], np.float32).reshape(1, 1, 2, 2)).to(device)
    y.requires_grad = True
    switches = np.array([3, 3, 3, 0], np.int32).reshape(1, 1, 2, 2)
    x = F.max_unpool2d(y, switches, (2, 2), collisions)
    (gy,) = x.backward(Tensor(np.full((1, 1, 2, 2), 7.0, np.float32)).to(device), inputs=y)
    winner = 2 if collisions == "last" else int(np.argmax(values))  # the first NaN, if any
    expected = [7.0 if i in (winner, 3) else 0.0 for i in range(4)]
    assert gy.numpy().reshape(-1).tolist() == expected  # (1,1,2,2) -> (4,)
    assert np.array_equal(x.numpy()[0, 0, 1, 1], values[winner], equal_nan=True)


def test_a_window_with_several_nan_gives_nan_and_one_pixel_the_gradient() -> None:
    """PyTorch takes the last NaN of a window, we the first, as of equal values."""
    data = np.random.default_rng(0).standard_normal((1, 3, 6, 6)).astype(np.float32)
    data[0, :, [0, 0, 1, 3, 5], [0, 1, 1, 3, 5]] = NAN
    x, other = Tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    y, theirs = F.max_pool2d(x, 2), torch.nn.functional.max_pool2d(other, 2)
    y.backward(np.ones(y.shape, np.float32))
    theirs.sum().backward()
    assert np.array_equal(y.data, theirs.detach().numpy(), equal_nan=True)
    assert x.grad is not None
    ours, right = (F.avg_pool2d(Tensor(g), 2).data for g in (x.grad.data, other.grad.numpy()))
    assert np.array_equal(ours, right)
