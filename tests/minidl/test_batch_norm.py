"""Tests of batch normalisation: against PyTorch, its statistics, folded and exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import Tensor, backward, load_onnx, nn, no_grad, rules
from minidl import functional as F
from minidl.formats.onnx.export import save_onnx
from minidl.nn.folding import fold

torch: Any = pytest.importorskip("torch")
SETTINGS: list[dict[str, Any]] = [
    {}, {"momentum": None}, {"affine": False}, {"track_running_stats": False},
    {"momentum": 0.5, "eps": 1e-2},
]  # fmt: skip


def images(shape: tuple[int, ...], offset: float = 0.0) -> np.ndarray:
    return np.random.default_rng(len(shape)).standard_normal(shape) * 2 + offset


@pytest.mark.quick
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize(("kind", "shape"), [
    ("BatchNorm2d", (3, 4, 5, 2)), ("BatchNorm1d", (6, 4)), ("BatchNorm1d", (2, 4, 7)),
])  # fmt: skip
def test_training_and_eval_are_pytorchs(
    kind: str, shape: tuple[int, ...], settings: dict[str, Any]
) -> None:
    ours = getattr(nn, kind)(4, **settings).double()
    theirs = getattr(torch.nn, kind)(4, **settings).double()
    for mode in (True, True, False):
        ours.train(mode), theirs.train(mode)
        x, gy = images(shape, 3.0), images(shape)
        a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        y, other = ours(a), theirs(b)
        y.backward(gy)
        other.backward(torch.tensor(gy))
        np.testing.assert_allclose(y.numpy(), other.detach().numpy(), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-10, atol=1e-12)
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[name], value.numpy(), rtol=1e-12)
    for name, p in theirs.named_parameters():
        own = dict(ours.named_parameters())[name].grad.numpy()
        np.testing.assert_allclose(own, p.grad.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.quick
def test_a_large_mean_costs_no_precision_in_float32() -> None:
    x = (images((64, 3, 8, 8)) + 1000).astype(np.float32)
    y = F.batch_norm(Tensor(x), None, None, training=True).numpy()
    exact = x.astype(np.float64)
    exact -= exact.mean((0, 2, 3), keepdims=True)
    exact /= np.sqrt((exact**2).mean((0, 2, 3), keepdims=True) + 1e-5)
    assert abs(y - exact).max() < 1e-5


@pytest.mark.quick
def test_one_value_of_a_channel_is_refused_in_training() -> None:
    with pytest.raises(ValueError, match="has 1 element"):
        nn.BatchNorm1d(3)(Tensor(np.ones((1, 3), np.float32)))


@pytest.mark.quick
def test_the_deconvnet_passes_through_and_transposes_the_scale() -> None:
    norm = nn.BatchNorm2d(2)
    norm.weight.assign(np.array([2.0, -3.0], np.float32))
    x = Tensor(images((2, 2, 3, 3)).astype(np.float32), requires_grad=True)
    gy = images((2, 2, 3, 3)).astype(np.float32)
    for table in (rules.deconvnet, rules.guided):
        (gx,) = backward(norm(x), gy, inputs=[x], rules=table)
        np.testing.assert_allclose(gx.numpy(), gy * norm.weight.data.reshape(1, 2, 1, 1), rtol=1e-6)


def network() -> nn.Sequential:
    rng = np.random.default_rng(0)
    net = nn.Sequential(
        conv=nn.Conv2d(3, 4, 3, padding=1, rng=rng), norm=nn.BatchNorm2d(4), relu=nn.ReLU()
    )
    net(Tensor(images((4, 3, 6, 6)).astype(np.float32)))
    return net


def test_in_eval_it_is_folded_and_exported_with_its_statistics(tmp_path: Path) -> None:
    net, x = network(), Tensor(images((2, 3, 6, 6)).astype(np.float32))
    with pytest.raises(ValueError, match="call eval"):
        save_onnx(net, tmp_path / "net.onnx", (3, 6, 6))
    assert [type(layer) for _, layer in fold(net).named_children()][1] is nn.BatchNorm2d
    net.eval()
    with no_grad():
        y, folded = net(x).numpy(), fold(net)
        assert [name for name, _ in folded.named_children()] == ["conv", "relu"]
        np.testing.assert_allclose(folded(x).numpy(), y, rtol=1e-5, atol=1e-5)
        save_onnx(net, tmp_path / "net.onnx", (3, 6, 6))
        again = load_onnx(tmp_path / "net.onnx")(x).numpy()
        np.testing.assert_allclose(again, y, rtol=1e-5, atol=1e-5)
