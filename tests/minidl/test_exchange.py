"""Tests of arrays shared with PyTorch and NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import Tensor

pytestmark = pytest.mark.quick
torch = pytest.importorskip("torch")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_tensor_and_pytorch_share_memory_both_ways(dtype: type) -> None:
    ours = Tensor(np.arange(6, dtype=dtype).reshape(2, 3))  # (6,) -> (2,3)
    theirs = torch.from_dlpack(ours)
    theirs[0, 1] = 9
    assert ours.data[0, 1] == 9
    back = minidl.from_dlpack(theirs)
    back.data[1, 2] = -4
    assert theirs[1, 2] == -4 and back.dtype == dtype


def test_strides_are_kept() -> None:
    theirs = torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1)[::2]
    assert np.array_equal(minidl.from_dlpack(theirs).data, theirs.numpy())


def test_numpy_takes_a_tensor_and_a_tensor_takes_numpy() -> None:
    ours = Tensor(np.ones((2, 3), np.float32))
    assert np.from_dlpack(ours).base is not None
    assert np.shares_memory(np.asarray(ours), ours.data)
    assert minidl.from_dlpack(np.zeros(4)).shape == (4,)
    assert Tensor(torch.ones(2)).shape == (2,)


def test_a_tensor_that_requires_a_gradient_is_not_handed_out() -> None:
    with pytest.raises(BufferError, match=r"requires a gradient is not handed out: share .detach"):
        torch.from_dlpack(Tensor(np.ones(3), requires_grad=True))
    assert torch.from_dlpack(Tensor(np.ones(3), requires_grad=True).detach()).sum() == 3


def test_other_things_are_refused() -> None:
    with pytest.raises(TypeError, match=r"takes an array with __dlpack__, .* got a list"):
        minidl.from_dlpack([1.0])
    with pytest.raises(TypeError, match="int64"):
        minidl.from_dlpack(torch.arange(3))
    with pytest.raises((BufferError, RuntimeError)):
        minidl.from_dlpack(torch.ones(2, requires_grad=True))
