"""Attention, einsum and initial values under PyTorch's names, against PyTorch in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import minidl
from minidl import functional as F
from minidl import nn
from tests.minidl.second_order import pairs, same_to_second_order

EQUATIONS = {
    "bij,bjk->bik": ((2, 3, 4), (2, 4, 5)), "ij,jk": ((3, 4), (4, 5)), "i,j->ij": ((3,), (4,)),
    "ij->ji": ((3, 4),), "ij->": ((3, 4),), "ij->j": ((3, 4),), "nhwc,hkc->nhwk": (
        (2, 3, 4, 5), (3, 6, 5)), "...ij,...jk->...ik": ((2, 3, 4), (2, 4, 5)),
    "bi,bi->b": ((2, 3), (2, 3)), "bhid,bhjd->bhij": ((2, 2, 3, 4), (2, 2, 5, 4)),
    "ij,jk,kl->il": ((2, 3), (3, 4), (4, 5)), "ab,cb,c->a": ((2, 3), (4, 3), (4,)),
    "ij,kj->": ((2, 3), (4, 3)), "b...d,de->b...e": ((2, 3, 2, 4), (4, 5)),
    "ij,kl->": ((2, 3), (4, 5)),
}  # fmt: skip


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
    with pytest.raises(TypeError, match="takes a Tensor, got list"):
        nn.init.constant_([1.0], 0.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fan_in or fan_out"):
        nn.init.kaiming_normal_(weight, mode="both")
    with pytest.raises(ValueError, match="no gain of 'swish'; there are linear"):
        nn.init.kaiming_normal_(weight, nonlinearity="swish")
    with pytest.raises(ValueError, match="two axes"):
        nn.init.xavier_normal_(nn.Linear(3, 2).bias)
