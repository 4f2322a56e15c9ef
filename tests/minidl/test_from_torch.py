"""Tests of the import of live PyTorch modules."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import Tensor, no_grad

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")


def small() -> object:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 6, 3, padding=1), torch.nn.BatchNorm2d(6), torch.nn.SiLU(),
        torch.nn.Dropout(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
        torch.nn.Linear(6, 4), torch.nn.GELU(),
    )  # fmt: skip


def test_a_module_computes_the_same_here_for_any_batch() -> None:
    module = small()
    net = minidl.from_torch(module, torch.randn(1, 3, 8, 10))
    x = torch.randn(5, 3, 8, 10)
    with no_grad(), torch.no_grad():
        expected = module.eval()(x).numpy()
        np.testing.assert_allclose(net(Tensor(x.numpy())).data, expected, rtol=1e-5, atol=1e-6)


def test_the_module_keeps_its_mode_and_its_weights() -> None:
    module = small()
    module[4].eval()
    net = minidl.from_torch(module, torch.randn(2, 3, 8, 10))
    assert [each.training for each in module] == [True] * 4 + [False] + [True] * 3
    net.zero_grad()
    next(net.parameters()).change(lambda array: array.fill(0))
    assert module[0].weight.abs().sum() > 0


def test_attention_of_frozen_weights_is_imported() -> None:
    """PyTorch computes it by one operation, which its exporter does not know."""

    class Attention(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = torch.nn.MultiheadAttention(4, 2, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            tokens = x.flatten(2).transpose(1, 2)
            return self.attention(tokens, tokens, tokens, need_weights=False)[0]

    module, x = Attention().requires_grad_(False).eval(), torch.randn(2, 4, 3, 3)
    net = minidl.from_torch(module, x[:1])
    with no_grad(), torch.no_grad():
        ours, theirs = net(Tensor(x.numpy())).data, module(x).numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_what_is_no_module_or_no_image_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"takes a torch.nn.Module and a tensor of images, got a li"
    ):
        minidl.from_torch([], torch.ones(1, 3, 8, 8))
    with pytest.raises(ValueError, match=r"must be images \(N, C, H, W\) of floats, got \(3,\)"):
        minidl.from_torch(small(), torch.ones(3))


def test_a_module_that_fails_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"PyTorch cannot export this Sequential for images"):
        minidl.from_torch(small(), torch.ones(1, 4, 8, 8))


def test_a_layer_that_there_is_none_of_is_named() -> None:
    class Recurrent(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = torch.nn.LSTM(8, 4, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.lstm(x.flatten(1, 2))[0]

    with pytest.raises(ValueError, match=r"operator LSTM of node .*: a recurrent layer"):
        minidl.from_torch(Recurrent(), torch.ones(1, 2, 3, 8))
