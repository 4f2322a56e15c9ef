"""Tests of expressions as they are written for PyTorch: values, types and errors of both."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import functional as F

torch: Any = pytest.importorskip("torch")
pytestmark = pytest.mark.quick
RNG = np.random.default_rng(0)
VALUES = RNG.standard_normal((3, 4)).astype(np.float32)
PLANES = RNG.standard_normal((2, 3, 4, 5)).astype(np.float32)
COUNTS = np.array([[2, 0, 1], [1, 3, 3]])

EXPRESSIONS = """
x.view(-1) | x.view(2, 6) | x.view((4, 3)) | p.permute(0, 2, 3, 1) | p.permute((3, 2, 1, 0))
p.transpose(1, -1) | x.transpose(0, 1) | x.t() | x.T | p.mT | p.flatten(1) | p.flatten(1, 2)
x.flatten() | x.unsqueeze(0) | x.unsqueeze(-1) | x[:, :1].squeeze(1) | x[:1].squeeze() | x.size(0)
x.dim() | x.numel() | x.shape[1] | len(x) | x.ndim | x.argmax() | x.argmax(1) | i.argmax(dim=0)
x.argmin(dim=1, keepdim=True) | x.max() | x.min() | x.max(1).values | x.max(1)[1]
x.min(0).indices | x.max(dim=1, keepdim=True)[0] | i.max() | i.min(1).values | x.abs() | abs(x)
x.exp() | x.abs().log() | x.abs().sqrt() | x.pow(2) | x ** 2 | x.square() | x.sigmoid() | x.tanh()
x.relu() | x.clamp(0) | x.clamp(max=0.5) | x.clamp(-0.5, 0.5) | i.clamp(1, 2) | x.softmax(1)
x.log_softmax(dim=-1) | x.sum() | x.sum(0) | x.sum(dim=1, keepdim=True) | p.sum((2, 3)) | i.sum()
(x > 0).sum() | i.sum(1) | x.mean() | x.mean(0) | p.mean(dim=(0, 2, 3)) | x.var() | x.var(0)
x.std() | x.std(1, unbiased=False) | p.var(dim=(0, 2), keepdim=True) | x.norm() | x.norm(1, 0)
x.amax(1) | x.amin((0, 1)) | x.cpu() | x > 0 | x >= x.mean() | x < 0.3 | x <= 0 | x == x | x != 0
x.eq(0) | i == 1 | i > 1 | 0.5 > x | (x > 0) & (x < 1) | ((x > 0)|(x < -1)) | ~(x > 0)
(x > 0).float() | (x > 0).any() | (x > 0).all() | (x > 9).any() | x.isnan() | x.isfinite()
x * (x > 0) | i + 1 | i * 2 | i / 2 | i + 0.5 | i * i | 1 - x | 2 / x | -x | 3 - i | (i == 1) + 0
x.add(1) | x.sub(x, alpha=2) | x.mul(2) | x.div(4) | x[0] | x[:, 1] | x[-1, -1] | x[..., 0]
x[None] | x[1:, ::2] | x[x > 0] | x[[0, 2]] | x[:, None, 1] | x[m.tensor([0, 2])]
x[m.arange(3), m.tensor([1, 0, 2])] | x[i[0]] | p[:, [0, 2]] | i[i > 1] | x @ x.t()
m.matmul(x, x.T) | p @ p.transpose(-1, -2) | x.mm(x.T) | x.chunk(2, 1)[1] | x.split(3, 1)[1]
x.split([1, 2])[1] | x.unbind(1)[2] | x.expand(2, 3, 4) | x[:, :1].expand(-1, 4) | x.clone()
x.detach() | x.double() | x.float() | x.long() | x.int() | x.bool() | i.float() | i.double()
x.to(m.float64) | x.type_as(i) | x.tolist() | i.tolist() | x[0, 0].item() | i[0, 0].item()
float(x[0, 0]) | int(i[0, 0]) | bool(x[0, 0] > 9) | x.numpy() | np.asarray(x) | np.asarray(i)
[float(v) for v in x[0]] | x.is_floating_point() | x.masked_fill(x > 0, -1.0)
x.topk(2, dim=1).values | x.topk(2, dim=1, largest=False).indices | m.tensor([1, 2])
m.tensor([1.0, 2]) | m.tensor(3.5) | m.tensor([True, False]) | m.tensor([[1, 2], [3, 4]])
m.from_numpy(np.ones(2)) | m.zeros(2, 3) | m.zeros((2, 3)) | m.ones(3) | m.full((2,), 1.5)
m.full((2,), 7) | m.arange(5) | m.arange(1, 4) | m.arange(0, 1, 0.25) | m.linspace(0, 1, 5)
m.eye(3) | m.zeros_like(x) | m.ones_like(i) | m.full_like(x, 2) | m.zeros(2, dtype=m.long)
m.ones(2, dtype=m.float64) | m.cat([x, x]) | m.cat((x, x), dim=1) | m.stack([x, x])
m.stack([x, x], dim=-1) | m.cat([i, i]) | m.where(x > 0, x, -x) | m.where(x > 0, x, 0.0)
m.sum(x, dim=0) | m.mean(x) | m.exp(x) | m.abs(x) | m.max(x) | m.max(x, 1)[0] | m.argmax(x, dim=1)
m.flatten(p, 1) | m.maximum(x, -x) | m.clamp(x, min=0) | m.sigmoid(x) | m.tanh(x) | m.relu(x)
m.softmax(x, dim=0) | m.equal(x, x) | m.allclose(x, x + 1e-9) | m.squeeze(x[:1]) | m.numel(x)
m.is_tensor(x) | m.pow(x, 2) | m.sqrt(m.abs(x)) | m.var(x) | m.transpose(x, 0, 1)
m.randperm(4).sum() | m.rand(3).shape[0] | m.randn(2, 3).numel() | m.randint(0, 3, (4,)).numel()
m.randint(5, (2,)).dim() | F.relu(x) | F.gelu(x) | F.gelu(x, approximate="tanh") | F.silu(x)
F.hardswish(x) | F.softmax(x, dim=1) | F.log_softmax(x, dim=1) | F.one_hot(i)
F.one_hot(i, num_classes=5) | F.pad(p, (1, 2)) | F.pad(p, (1, 1, 2, 0), mode="reflect")
F.interpolate(p, scale_factor=2)
F.interpolate(p, size=(3, 7), mode="bilinear", align_corners=False) | F.mse_loss(x, x * 2)
F.l1_loss(x, x * 2, reduction="sum") | F.cross_entropy(x, m.tensor([0, 3, 1]))
F.cross_entropy(x, m.tensor([0, 3, -100]))
F.cross_entropy(x, m.tensor([0, 3, 1]), label_smoothing=0.2)
F.cross_entropy(x, x.softmax(1), reduction="none")
F.cross_entropy(x, m.tensor([0, 1, 1]), weight=m.arange(4) + 1.0)
F.cross_entropy(p, m.ones(2, 4, 5).long())
F.nll_loss(x.log_softmax(1), m.tensor([0, 3, 1]), reduction="none")
F.binary_cross_entropy_with_logits(x, (x > 0).float()) | F.adaptive_avg_pool2d(p, (3, 2))
F.adaptive_max_pool2d(p, (2, 3)) | F.avg_pool2d(p, 2) | F.max_pool2d(p, 2, 2)
F.layer_norm(x, (4,)) | F.group_norm(p, 3) | F.dropout(x, 0.5, training=False)
F.batch_norm(p, m.zeros(3), m.ones(3)) | F.batch_norm(p, None, None, training=True)
F.linear(x, x) | F.conv1d(p[:, :, 0], m.ones(2, 3, 2)) | F.leaky_relu(x, 0.1) | F.elu(x)
F.softplus(x) | F.sigmoid(x) | F.tanh(x) | F.embedding(i, m.eye(4))
"""
WRITES = """
y += 1 | y -= y | y *= 2 | y /= 4 | y[0] = 1 | y[:, 1] = y[:, 0] | y[y > 0] = 0.5 | y[1, 2] += 3
y[0] = y[1] | y.add_(1) | y.zero_() | y.fill_(3) | y.clamp_(min=0)
y.sub_(y, alpha=0.5) | y.relu_() | y[:] = 7 | y[1:] *= -1 | y[..., -1] = m.arange(3)
"""


def listed(text: str) -> list[str]:
    """The expressions of a line, which a bar between spaces separates."""
    return [each.strip() for each in text.split(" | ") if each.strip()]


def split(text: str) -> list[str]:
    return [each for line in text.strip().splitlines() for each in listed(line)]


def names(engine: Any, dtype: Any = np.float32) -> dict[str, Any]:
    functions = F if engine is minidl else torch.nn.functional
    given = {"x": VALUES.astype(dtype), "p": PLANES.astype(dtype), "i": COUNTS}
    tensors = {name: engine.from_numpy(array.copy()) for name, array in given.items()}
    return {**tensors, "m": engine, "F": functions, "np": np}


def plain(value: Any) -> tuple[Any, str]:
    """The values as an array, and the name of their type."""
    if hasattr(value, "detach"):
        value = value.detach()
    kind = str(getattr(value, "dtype", type(value).__name__)).removeprefix("torch.")
    return np.asarray(value), kind


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("text", split(EXPRESSIONS))
def test_an_expression_gives_pytorchs_values_and_type(text: str) -> None:
    ours, our_kind = plain(eval(text, names(minidl)))
    theirs, their_kind = plain(eval(text, names(torch)))
    assert ours.shape == theirs.shape and our_kind == their_kind, (our_kind, their_kind)
    np.testing.assert_allclose(ours, theirs, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("text", split(WRITES))
def test_a_write_in_place_gives_pytorchs_values_and_gradient(text: str) -> None:
    def run(engine: Any) -> tuple[Any, Any, Any]:
        own = names(engine, np.float64)
        x = own["x"].requires_grad_()
        own["y"] = x * x
        whole = own["y"]
        exec(text, own)
        assert own["y"] is whole, "the tensor itself must change"
        (own["y"] * own["y"] * 0.5).sum().backward()
        plain_y = names(engine, np.float64)["x"]
        own["y"] = view = plain_y.view(-1)[:12].view(3, 4)
        exec(text, own)
        return own["y"].detach().numpy(), np.asarray(x.grad), plain_y.numpy() - view.numpy()

    for ours, theirs in zip(run(minidl), run(torch), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "bool(x)", "float(x)", "int(x)", "bool(x[:0])", "if_(x > 0)", "x.item()", "len(x[0, 0])",
        "list(x[0, 0])", "x.view(5)", "x.half(0)", "x.t().t().squeeze(7)",
        "i.mean()", "i.requires_grad_()", "m.tensor(['a'])", "m.tensor([[1], [1, 2]])", "x[7]",
        "f'{x:.2f}'", "x @ x", "m.zeros(-1)", "x + m.zeros(5)", "range(x[0, 0])",
        "w.add_(1)", "w.__iadd__(1)", "w.__setitem__(0, 1)", "(i + 0).__iadd__(0.5)",
    ],
)  # fmt: skip
def test_what_pytorch_refuses_is_refused(text: str) -> None:
    for engine in (minidl, torch):
        own = names(engine)
        own["w"] = engine.ones(2, requires_grad=True)
        own["if_"] = lambda value: 1 if value else 0
        with pytest.raises((TypeError, ValueError, RuntimeError, IndexError)):
            eval(text, own)


def test_text_of_tensors_is_pytorchs() -> None:
    for text in (
        "x[0]", "x", "m.tensor([1.0, 2.0, 30.0])", "m.tensor(2.5)", "i", "x > 0", "m.tensor([])",
        "m.tensor([1e-6, 1e3])", "m.ones(2, dtype=m.float64)", "m.ones(2, requires_grad=True)",
        "m.tensor(7)", "m.tensor([-1.5, 2.25])", "m.zeros(2, 2)", "m.tensor([float('nan'), 1.0])",
    ):  # fmt: skip
        ours, theirs = (repr(eval(text, names(engine))) for engine in (minidl, torch))
        assert ours == theirs.replace("torch.", ""), text
    assert f"{minidl.tensor(0.123456):.3f}" == "0.123"


def test_a_view_and_its_tensor_are_told_apart_on_the_tape() -> None:
    """After a write on the tape, the other of a view and its tensor has no right gradient."""
    x = minidl.ones(3, requires_grad=True)
    y = x * 2
    view = y[1:]
    y += 1
    with pytest.raises(RuntimeError, match="shares its memory"):
        view * 2
    base = x * 3
    part = base[:2]
    part *= x[1:]
    with pytest.raises(RuntimeError, match="shares its memory"):
        base + 1
    off = minidl.zeros(3)
    part = off[:2]
    with pytest.raises(RuntimeError, match="off the tape"):
        part += x[:2]


def test_half_precision_is_refused_and_never_widened() -> None:
    array = np.ones(2, np.float16)
    for make in (
        lambda: minidl.Tensor(array), lambda: minidl.tensor(array),
        lambda: minidl.from_numpy(array),
        lambda: minidl.Tensor([np.float16(1)]), lambda: minidl.ones(2).half(),
        lambda: minidl.ones(2, dtype=np.float16), lambda: minidl.ones(2) + array,
        lambda: minidl.ones(2).to(np.float16),
    ):  # fmt: skip
        with pytest.raises(TypeError, match="float16"):
            make()
