"""Names of PyTorch's: the same text under both, equal in value, gradient and second derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

import minidl
from minidl import functional as F
from minidl import nn
from tests.minidl.second_order import same_to_second_order

pytestmark = pytest.mark.quick
RNG = np.random.default_rng(0)
GIVEN = {
    "x": RNG.standard_normal((3, 4)), "p": RNG.uniform(0.1, 0.9, (2, 3, 4, 6)),
    "q": RNG.uniform(0.1, 0.9, (3, 4)), "v": RNG.standard_normal(4), "z": np.diag([1.0, 2.0, 0.0]),
}  # fmt: skip
"""x of any values, p and q between 0 and 1, a vector v, z with products of 0."""
DIFFERENTIABLE = """
x.cumsum(0) | x.cumsum(-1) | x.cumprod(1) | z.cumprod(0) | x.prod() | z.prod(1)
x.prod(0, keepdim=True) | x.logsumexp(1) | x.logsumexp((0, 1)) | x.logsumexp(0, keepdim=True)
x.sort(1).values | x.sort(0, descending=True)[0] | x.median() | x.median(1).values
x.gather(1, index) | x.scatter(1, index, q[:, :2]) | x.scatter(1, index, 2.0)
m.scatter(x, 1, index, q[:, 2:])
x.scatter_add(0, twice, q[:2]) | x.masked_select(x > 0)
x.index_select(1, twice[0]) | x.select(1, 2)
x.tril() | x.triu(1) | x.tril(-1) | p.triu() | v.diag() | v.diag(-1) | x.diag(1) | x.diag(-2)
x.repeat(2, 1, 3) | x.tile(2) | x.flip(0, 1) | m.flip(x, [1]) | x.roll(1, 0) | x.roll(2)
p.movedim(1, -1) | p.narrow(3, 1, 2) | m.outer(v, x[0]) | v.dot(x[1]) | x @ v
m.addmm(x, x[:, :3], x, beta=0.5, alpha=2) | m.meshgrid(v, x[:, 0], indexing="ij")[0]
m.meshgrid(v, x[:, 0], indexing="xy")[1] | m.std_mean(x, dim=1)[0] | m.var_mean(x, 0)[0]
x.sin() | x.cos() | x.erf() | q.rsqrt() | x.reciprocal() | q.log2() | q.log10() | q.log1p()
x.expm1() | m.log1p(x * x) | x.floor() * x | x.ceil() * x | x.round() * x | x.round(decimals=1) * x
x.sign() * x | x % 0.7 | m.remainder(x, q) | 2 ** x | x.where(x > 0, q) | x.maximum(q)
x.minimum(q) | x.nan_to_num() | x.clip(-0.5, 0.5) | x.norm(dim=1) | m.linalg.norm(x)
m.linalg.vector_norm(x, ord=1, dim=0) | m.einsum("ij,j->i", x, v)
F.normalize(x, dim=1) | F.normalize(p, p=1.0, dim=2) | F.cosine_similarity(x, q)
F.cosine_similarity(x, v, dim=-1) | F.pairwise_distance(x, q) | F.pairwise_distance(x, q, p=1.0)
F.smooth_l1_loss(x, q) | F.smooth_l1_loss(x, q, beta=0.3, reduction="sum") | F.huber_loss(x, q)
F.huber_loss(x, q, delta=0.4, reduction="none") | F.binary_cross_entropy(q, (x > 0).to(q.dtype))
F.binary_cross_entropy(q, 1 - q.detach() * 0.5, weight=v.detach(), reduction="sum")
F.kl_div(x.log_softmax(1), q, reduction="batchmean") | F.kl_div(x, q, reduction="sum")
F.kl_div(x, q.log(), reduction="batchmean", log_target=True) | F.selu(x) | F.celu(x, 0.5)
F.hardtanh(x, -0.5, 0.7) | F.softsign(x) | F.logsigmoid(x) | F.glu(x, 1) | F.glu(x)
F.relu(x * 1, inplace=True) | F.leaky_relu(x * 1, 0.2, True) | F.elu(x * 1, 1.0, True)
F.silu(x * 1, inplace=True) | F.max_pool1d(p[0], 2) | F.max_pool1d(p[0], 3, 1, 1)
F.avg_pool1d(p[0], 3, 2, 1) | F.adaptive_avg_pool1d(p[0], 3) | F.unfold(p, 3)
F.unfold(p, (2, 3), padding=1, stride=(1, 2)) | F.unfold(p, 2, dilation=2)
F.rms_norm(p, (6,), eps=1e-5) | F.rms_norm(x, (4,), v) | F.one_hot(index).to(x.dtype) @ x[:, :2]
m.cat([x, q]).mean(0) | m.where(x > 0, x, q) | x.unbind(1)[2] | x.chunk(2, 1)[1] * 2
x.std(0) | x[index[:, 0], index[:, 1]] | F.embedding(index, x, padding_idx=1)
F.scaled_dot_product_attention(p, p, p, is_causal=True)
m.broadcast_to(v, (3, 4)) * x | m.baddbmm(p[0], p[0, :, :, :4], p[0])
"""
PLAIN = """
x.argsort(1) | x.argsort(0, descending=True) | x.sort(1, descending=True).indices
x.median(1).indices | counts.unique() | counts.unique(return_counts=True)[1] | m.unique(counts)
counts.unique(return_inverse=True)[1] | counts.repeat(2, 1).unique(dim=0)
counts.cumsum(1) | counts.prod(0) | counts.sort(1)[0] | counts.median() | x.count_nonzero()
(x > 0).nonzero() | (x > 0).nonzero(as_tuple=True)[1] | x.isinf() | (x / 0).isinf() | x // 0.3
counts // 2 | counts % 2 | counts.gather(1, index) | counts.flip(0) | counts.roll(1, 1)
counts.tril() | counts.repeat(2, 1) | counts.sign() | counts.clamp(max=1) | counts.masked_fill(
counts > 1, 7) | m.logical_not(x > 0) | (x > 0).logical_and(x < 1) | (x > 0).logical_or(x < -1)
x.new_zeros(2, 3) | x.new_ones((2,)) | counts.new_tensor([1, 2]) | x.new_full((2,), 3.0)
x.element_size() | x.equal(x) | x.allclose(x + 1e-12) | x.type(m.float32).dtype.itemsize
x.is_contiguous() | x.is_cuda | m.LongTensor([1, 2]) | m.FloatTensor([1.0, 2])
m.get_default_dtype() == m.float32 | (x / 0).nan_to_num(0.0, 1.0, -1.0) | 3 ** counts
m.bernoulli(x * 0 + 1) | m.multinomial(m.tensor([0.0, 1.0]), 2, replacement=True)
m.isinf(x).any() | True & (x > 0).all() | m.nan_to_num(x) | m.numel(x)
"""
WRITES = """
y.normal_(0, 0) | y.uniform_(1, 1) | y.bernoulli_(1.0) | y.masked_fill_(y > 0, 2) | y.neg_()
y.exp_() | y.pow_(2) | y.abs().sqrt_() | y.scatter_(1, index, 3.0)
y.scatter_add_(1, index, (x * 2)[:, :2])
y.lerp_(x * 2, 0.3) | y.addcmul_(x, x, value=0.5) | y.addcdiv_(x, x + 9, value=2) | y.detach_()
"""


def listed(text: str) -> list[str]:
    """The expressions, which a bar between spaces or the end of a line separates."""
    joined = text.replace("masked_fill(\n", "masked_fill(").strip()
    return [e.strip() for line in joined.splitlines() for e in line.split(" | ") if e.strip()]


def names(engine: Any, leaves: bool) -> tuple[dict[str, Any], list[Any]]:
    functions = F if engine is minidl else torch.nn.functional
    tensors = {name: engine.tensor(array, requires_grad=leaves) for name, array in GIVEN.items()}
    fixed = {
        "index": engine.tensor([[0, 1], [1, 0], [2, 1]]) % 3,
        "twice": engine.tensor([[0, 0, 1, 2], [0, 2, 1, 2]]),
        "counts": engine.tensor([[2, 0, 1], [1, 3, 3], [4, 2, 2]]),
    }
    return {**tensors, **fixed, "m": engine, "F": functions}, list(tensors.values())


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("text", listed(DIFFERENTIABLE))
def test_a_name_gives_pytorchs_value_and_derivatives(text: str) -> None:
    (ours, leaves), (theirs, others) = names(minidl, True), names(torch, True)
    with sdpa_kernel(SDPBackend.MATH):  # its other forms have no second derivative
        expected = eval(text, theirs)
    same_to_second_order(eval(text, ours), expected, leaves, others)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore:divide by zero")
@pytest.mark.parametrize("text", listed(PLAIN))
def test_a_name_gives_pytorchs_value_and_type(text: str) -> None:
    found = [eval(text, names(engine, False)[0]) for engine in (minidl, torch)]
    kinds = [str(getattr(f, "dtype", type(f).__name__)).removeprefix("torch.") for f in found]
    assert kinds[0] == kinds[1]
    np.testing.assert_allclose(*map(np.asarray, found), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("text", listed(WRITES))
def test_a_write_gives_pytorchs_value_and_gradient(text: str) -> None:
    def run(engine: Any) -> tuple[Any, Any]:
        own, _ = names(engine, True)
        own["index"] = engine.tensor([[0, 1], [1, 0], [0, 1]])
        own["y"] = own["x"] * 1
        found = eval(text, own)
        if found.requires_grad:
            (found * found).sum().backward()
        return found.detach().numpy(), 0 if own["x"].grad is None else own["x"].grad.numpy()

    for ours, theirs in zip(run(minidl), run(torch), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def layers(engine: Any) -> dict[str, Any]:
    own = engine.nn
    return {
        "Hardtanh": own.Hardtanh(), "SELU": own.SELU(), "CELU": own.CELU(0.5),
        "Softsign": own.Softsign(), "LogSigmoid": own.LogSigmoid(), "GLU": own.GLU(),
        "ZeroPad2d": own.ZeroPad2d((1, 0, 2, 1)), "ReflectionPad2d": own.ReflectionPad2d(2),
        "ReplicationPad2d": own.ReplicationPad2d(1), "CircularPad2d": own.CircularPad2d(1),
        "ConstantPad2d": own.ConstantPad2d(1, 0.5), "Unflatten": own.Unflatten(2, (2, 2)),
        "PixelShuffle": own.Sequential(own.Conv2d(3, 4, 1), own.PixelShuffle(2)),
        "PixelUnshuffle": own.PixelUnshuffle(2), "RMSNorm": own.RMSNorm(6),
        "UpsamplingNearest2d": own.UpsamplingNearest2d(scale_factor=2),
        "UpsamplingBilinear2d": own.UpsamplingBilinear2d(scale_factor=2),
        "MaxPool1d": own.Sequential(own.Flatten(0, 1), own.MaxPool1d(2)),
        "AvgPool1d": own.Sequential(own.Flatten(0, 1), own.AvgPool1d(3, 1)),
        "AdaptiveAvgPool1d": own.Sequential(own.Flatten(0, 1), own.AdaptiveAvgPool1d(2)),
        "Unfold": own.Unfold(2), "Conv2d same": own.Conv2d(3, 2, (2, 3), padding="same"),
        "Conv2d valid": own.Conv2d(3, 2, 2, padding="valid"),
        "Conv1d same": own.Sequential(
            own.Flatten(2, 3), own.Conv1d(3, 2, 4, padding="same", dilation=2)
        ),
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", layers(minidl))
def test_a_layer_gives_pytorchs_values_and_gradients(kind: str) -> None:
    ours, theirs = layers(minidl)[kind].double(), layers(torch)[kind].double()
    ours.load_state_dict({n: v.numpy() for n, v in theirs.state_dict().items()})
    x = minidl.tensor(GIVEN["p"], requires_grad=True)
    t = torch.tensor(GIVEN["p"], requires_grad=True)
    same_to_second_order(ours(x), theirs(t), [x], [t])


@pytest.mark.parametrize("kind", ["Conv2d", "ConvTranspose2d", "Conv1d", "MaxPool2d"])
def test_a_layer_has_pytorchs_attributes(kind: str) -> None:
    given: dict[str, tuple[Any, ...]] = {
        "Conv2d": (4, 6, 3, 2, 1, 1, 2), "ConvTranspose2d": (4, 6, (3, 2), 2, 1, 0, 2),
        "Conv1d": (4, 6, 3, 2, 1), "MaxPool2d": (3, 2, 1),
    }  # fmt: skip
    names = ["kernel_size", "stride", "padding", "dilation"]
    names += [] if kind == "MaxPool2d" else ["in_channels", "out_channels", "groups"]
    ours, theirs = (getattr(engine.nn, kind)(*given[kind]) for engine in (minidl, torch))
    assert [getattr(ours, n) for n in names] == [getattr(theirs, n) for n in names]
    with pytest.raises(AttributeError, match=f"'{kind}' object has no attribute 'nothing'"):
        _ = ours.nothing


def losses(engine: Any) -> dict[str, Any]:
    own = engine.nn
    return {
        "SmoothL1Loss": own.SmoothL1Loss(beta=0.3), "HuberLoss": own.HuberLoss(delta=0.2),
        "BCELoss": own.BCELoss(), "KLDivLoss": own.KLDivLoss(reduction="batchmean"),
        "CosineSimilarity": own.CosineSimilarity(),
    }  # fmt: skip


@pytest.mark.parametrize("kind", losses(minidl))
def test_a_loss_is_pytorchs(kind: str) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.uniform(0.1, 0.9, (3, 4)), rng.uniform(0.1, 0.9, (3, 4))
    x, y = (minidl.tensor(v, requires_grad=True) for v in (a, b))
    t, s = (torch.tensor(v, requires_grad=True) for v in (a, b))
    same_to_second_order(losses(minidl)[kind](x, y), losses(torch)[kind](t, s), [x, y], [t, s])


MASKS: dict[str, Any] = {
    "none": {}, "without weights": {"need_weights": False},
    "each head": {"average_attn_weights": False},
    "padding": {"key_padding_mask": np.array([[False] * 3 + [True] * 2, [False] * 5])},
    "boolean": {"attn_mask": ~np.tri(5, 5, dtype=bool)},
    "added": {"attn_mask": np.random.default_rng(2).standard_normal((5, 5))},
    "of each head": {"attn_mask": np.random.default_rng(3).standard_normal((4, 5, 5))},
}  # fmt: skip


def of(engine: Any, options: dict[str, Any]) -> dict[str, Any]:
    return {k: engine.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("how", MASKS)
def test_multihead_attention_is_pytorchs(how: str, batch_first: bool) -> None:
    torch.manual_seed(0)
    theirs = torch.nn.MultiheadAttention(6, 2, batch_first=batch_first).double()
    torch.nn.init.normal_(theirs.in_proj_bias)
    ours = nn.MultiheadAttention(6, 2, batch_first=batch_first).double()
    ours.load_state_dict({n: v.numpy() for n, v in theirs.state_dict().items()})
    shape = (2, 5, 6) if batch_first else (5, 2, 6)
    arrays = [np.random.default_rng(i).standard_normal(shape) for i in range(3)]
    xs = [minidl.tensor(a, requires_grad=True) for a in arrays]
    ts = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, weights = ours(*xs, **of(minidl, MASKS[how]))
    with sdpa_kernel(SDPBackend.MATH):  # its other forms have no second derivative
        expected, others = theirs(*ts, **of(torch, MASKS[how]))
    same_to_second_order(y, expected, xs, ts)
    if others is None:
        assert weights is None
    else:
        np.testing.assert_allclose(weights.numpy(), others.detach().numpy(), atol=1e-12)


@pytest.mark.parametrize("norm_first", [True, False])
def test_a_transformers_encoder_is_pytorchs(norm_first: bool) -> None:
    def made(engine: Any) -> Any:
        own, options = engine.nn, {"dropout": 0.0, "batch_first": True, "norm_first": norm_first}
        layer = own.TransformerEncoderLayer(6, 2, 8, activation="gelu", **options)
        return own.TransformerEncoder(layer, 2, own.LayerNorm(6), enable_nested_tensor=False)

    ours, theirs = made(minidl).double(), made(torch).double()
    ours.load_state_dict({n: v.numpy() for n, v in theirs.state_dict().items()})
    array = np.random.default_rng(0).standard_normal((2, 4, 6))
    x, t = minidl.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
    mask = np.array([[False, False, True, True], [False] * 4])
    with sdpa_kernel(SDPBackend.MATH):  # its other forms have no second derivative
        expected = theirs(t, src_key_padding_mask=torch.tensor(mask))
    same_to_second_order(ours(x, src_key_padding_mask=minidl.tensor(mask)), expected, [x], [t])
    names = [n for n, _ in ours.named_parameters()]
    assert sorted(names) == sorted(n for n, _ in theirs.named_parameters())
