"""Attention, einsum and initial values under PyTorch's names, against PyTorch in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import minidl
from minidl import Tensor, nn
from minidl import functional as F
from minidl.backward_pass import backward

EQUATIONS = {
    "bij,bjk->bik": ((2, 3, 4), (2, 4, 5)), "ij,jk": ((3, 4), (4, 5)), "i,j->ij": ((3,), (4,)),
    "ij->ji": ((3, 4),), "ij->": ((3, 4),), "ij->j": ((3, 4),), "nhwc,hkc->nhwk": (
        (2, 3, 4, 5), (3, 6, 5)), "...ij,...jk->...ik": ((2, 3, 4), (2, 4, 5)),
    "bi,bi->b": ((2, 3), (2, 3)), "bhid,bhjd->bhij": ((2, 2, 3, 4), (2, 2, 5, 4)),
    "ij,jk,kl->il": ((2, 3), (3, 4), (4, 5)), "ab,cb,c->a": ((2, 3), (4, 3), (4,)),
    "ij,kj->": ((2, 3), (4, 3)), "b...d,de->b...e": ((2, 3, 2, 4), (4, 5)),
    "ij,kl->": ((2, 3), (4, 5)),
}  # fmt: skip


def pairs(*shapes: tuple[int, ...]) -> tuple[list[Tensor], list[Any]]:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    ours = [Tensor(a, requires_grad=True) for a in arrays]
    return ours, [torch.tensor(a, requires_grad=True) for a in arrays]


def same_to_second_order(ours: Any, theirs: Any, xs: list[Tensor], ts: list[Any]) -> None:
    """Values, first and second derivatives for a drawn cotangent."""
    np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=1e-12, atol=1e-12)
    gy = np.random.default_rng(1).standard_normal(ours.shape)
    first = backward(ours, Tensor(gy), inputs=xs, create_graph=True)
    other = torch.autograd.grad(theirs, ts, torch.tensor(gy), create_graph=True)
    for a, b in zip(first, other, strict=True):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-11, atol=1e-12)
    total = sum((g * g).sum() for g in first)
    squares = sum((g * g).sum() for g in other)
    if squares.grad_fn is None:
        return
    second = torch.autograd.grad(squares, ts, allow_unused=True)
    for a, b in zip(backward(total, inputs=xs), second, strict=True):
        expected = np.zeros(a.shape) if b is None else b.numpy()
        np.testing.assert_allclose(a.numpy(), expected, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("equation", EQUATIONS)
def test_einsum_is_pytorchs(equation: str) -> None:
    xs, ts = pairs(*EQUATIONS[equation])
    same_to_second_order(minidl.einsum(equation, *xs), torch.einsum(equation, *ts), xs, ts)


@pytest.mark.parametrize(
    ("equation", "shapes", "message"),
    [
        ("ij,jk", ((2, 3), (4, 5)), "'j' is 3 and 4"), ("ii->i", ((2, 2),), "name of its own"),
        ("ij->ik", ((2, 3),), "names an axis wrongly"), ("ij", ((2, 3), (3, 4)), "1 terms for 2"),
        ("ijk->i", ((2, 3),), "name of its own"),
    ],
)  # fmt: skip
def test_einsum_says_what_does_not_fit(equation: str, shapes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        minidl.einsum(equation, *pairs(*shapes)[0])


@pytest.mark.parametrize("how", ["plain", "causal", "boolean", "added", "scale"])
def test_attention_is_pytorchs(how: str) -> None:
    xs, ts = pairs((2, 3, 5, 4), (2, 3, 6, 4), (2, 3, 6, 7))
    rng = np.random.default_rng(2)
    boolean = rng.random((5, 6)) < 0.7
    boolean[:, 0] = True
    options: dict[str, Any] = {
        "plain": {}, "causal": {"is_causal": True}, "boolean": {"attn_mask": boolean},
        "added": {"attn_mask": rng.standard_normal((5, 6))}, "scale": {"scale": 0.3},
    }[how]  # fmt: skip
    theirs = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        expected = torch.nn.functional.scaled_dot_product_attention(*ts, **theirs)
        same_to_second_order(F.scaled_dot_product_attention(*xs, **options), expected, xs, ts)


@pytest.mark.parametrize(
    ("name", "options", "std"),
    [
        ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "relu"}, (2 / (64 * 9)) ** 0.5),
        ("kaiming_uniform_", {"a": 5**0.5}, (1 / (3 * 32 * 9)) ** 0.5),
        ("xavier_normal_", {}, (2 / (96 * 9)) ** 0.5), ("xavier_uniform_", {}, (2 / 864) ** 0.5),
        ("normal_", {"mean": 2.0, "std": 0.5}, 0.5), ("uniform_", {"a": -1.0}, 2 / 12**0.5),
        ("trunc_normal_", {"std": 0.02}, 0.02),
    ],
)  # fmt: skip
def test_initial_values_have_the_published_variance(
    name: str, options: dict[str, Any], std: float
) -> None:
    minidl.manual_seed(0)
    weight = nn.Conv2d(32, 64, 3).weight
    other = torch.empty(64, 32, 3, 3)
    torch.manual_seed(0)
    assert getattr(nn.init, name)(weight, **options) is weight
    getattr(torch.nn.init, name)(other, **options)
    assert weight.data.std() == pytest.approx(std, rel=0.03)
    assert float(other.std()) == pytest.approx(std, rel=0.03)
    assert weight.data.mean() == pytest.approx(options.get("mean", 0.0), abs=0.05)


def test_orthogonal_rows_and_plain_values() -> None:
    weight = nn.Linear(12, 5).weight
    nn.init.orthogonal_(weight)
    np.testing.assert_allclose(weight.data @ weight.data.T, np.eye(5), atol=1e-6)
    assert (nn.init.ones_(weight).data == 1).all() and not nn.init.zeros_(weight).data.any()
    assert (nn.init.constant_(weight, 0.3).data == np.float32(0.3)).all()
    assert (nn.init.eye_(weight).data == np.eye(5, 12)).all()


def test_a_mistaken_call_says_what_works() -> None:
    weight = nn.Linear(3, 2).weight
    with pytest.raises(TypeError, match="give the parameter itself"):
        nn.init.normal_(weight.data)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fan_in or fan_out"):
        nn.init.kaiming_normal_(weight, mode="both")
    with pytest.raises(ValueError, match="no gain of 'swish'; there are linear"):
        nn.init.kaiming_normal_(weight, nonlinearity="swish")
    with pytest.raises(ValueError, match="two axes"):
        nn.init.xavier_normal_(nn.Linear(3, 2).bias)
