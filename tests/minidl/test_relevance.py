"""Relevance on the tape: conservation, and a stated kind for every operation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl.nn  # noqa: F401  (its hooks and writes in place have rows of their own)
from kernels.bounds import within
from minidl import Tensor, rules
from minidl import functional as F
from minidl.relevance import (
    EPSILON_PLUS,
    AlphaBeta,
    Box,
    Composite,
    Epsilon,
    Gamma,
    LayerRule,
    ZPlus,
)
from minidl.relevance.table import FIRST_OPERAND, LINEAR, MOVED, OWN, PASSED

TINY = 1e-13
"""A stabiliser that is small beside every sum of the networks here."""
NEVER_BELOW = frozenset({"conv2d_wgrad", "relu_vjp"})
"""Operations of gradients alone, through which no relevance comes."""
CONSERVING: dict[str, LayerRule] = {
    "epsilon": Epsilon(TINY), "zplus": ZPlus(stabiliser=TINY), "gamma": Gamma(stabiliser=TINY)
}  # fmt: skip
"""Not alpha-beta: where a sum has no negative products, nothing takes the negative share. Nor z+ in
sums of few products, which may all be negative."""
CASES = [(n, r) for n in ("chain", "branches", "gates", "attention") for r in CONSERVING
         if (n, r) != ("attention", "zplus")]  # fmt: skip


def test_every_operation_has_one_kind_of_rule() -> None:
    kinds = (MOVED, PASSED, FIRST_OPERAND, LINEAR, OWN)
    known = frozenset(rules.gradient._rows) | frozenset(rules.gradient._fused)
    assert known - NEVER_BELOW == frozenset().union(*kinds)
    assert sum(map(len, kinds)) == len(frozenset().union(*kinds))


def weights(*shape: int) -> Tensor:
    """Drawn weights without a bias, both signs; the same for each shape."""
    return Tensor(np.random.default_rng(sum(shape)).normal(0, 1, shape), requires_grad=True)


def chain(x: Tensor) -> Tensor:
    y = F.max_pool2d(F.relu(F.conv2d(x, weights(6, 3, 3, 3), padding=1)), 2)
    y = F.avg_pool2d(F.relu(F.conv_transpose2d(y, weights(6, 4, 2, 2), stride=2)), 4)
    return F.linear(F.reshape(y, (len(x), -1)), weights(5, 16))


def branches(x: Tensor) -> Tensor:
    a = F.relu(F.conv2d(x, weights(4, 3, 1, 1)))
    b = F.relu(F.conv2d(x, weights(4, 3, 3, 3), padding=1, groups=1))
    y = F.concatenate([a + b, F.maximum(a, b), a * b], 1)
    y = y - 0.5 * F.resize(F.avg_pool2d(y, 2), scales=(2, 2), mode="linear")
    return F.linear(F.mean(y, (2, 3)), weights(5, 12))


def gates(x: Tensor) -> Tensor:
    y = F.silu(F.conv2d(x, weights(4, 3, 3, 3), padding=1))
    y = y * F.sigmoid(F.mean(y, (2, 3), keepdims=True))
    y = F.local_response_norm(y)
    return F.linear(F.mean(F.gelu(y), (2, 3)), weights(5, 4))


def attention(x: Tensor) -> Tensor:
    tokens = F.transpose(F.reshape(F.conv2d(x, weights(6, 3, 2, 2), stride=2), (len(x), 6, -1)),
                         (0, 2, 1))  # fmt: skip
    normed = F.layer_norm(tokens, 6)
    q, k, v = (F.linear(normed, weights(6, n)) for n in (6, 6, 6))
    scores = F.matmul(q, F.transpose(k, (0, 2, 1)))
    y = tokens + F.matmul(F.softmax(scores), v)
    return F.linear(F.mean(y, 1), weights(5, 6))


NETWORKS = {f.__name__: f for f in (chain, branches, gates, attention)}


def propagated(network: Any, composite: Composite, **bounds: Any) -> tuple[np.ndarray, np.ndarray]:
    """The relevance of the pixels of two images, and the scores that it is of."""
    x = Tensor(np.random.default_rng(2).normal(0, 1, (2, 3, 8, 8)), requires_grad=True)
    y = network(x)
    start = np.zeros_like(y.data)
    start[[0, 1], [1, 3]] = y.data[[0, 1], [1, 3]]
    (r,) = y.backward(start, rules=composite.table(y, [x], **bounds), inputs=[x])
    return r.numpy(), start.sum(axis=1)


@pytest.mark.parametrize(("network", "rule"), CASES)
def test_relevance_is_conserved_without_biases(network: str, rule: str) -> None:
    composite = Composite(rule, CONSERVING[rule], CONSERVING[rule], stabiliser=TINY)
    r, scores = propagated(NETWORKS[network], composite)
    assert within(r.sum(axis=(1, 2, 3)), scores, 1e-6 * np.abs(r).sum())


def test_a_bias_takes_its_share() -> None:
    """Relevance 6 of 2 times 2 plus the bias 2: the input gets 4 of 6."""
    x = Tensor(np.array([[2.0]]), requires_grad=True)
    weight, bias = (Tensor(np.array(v), requires_grad=True) for v in ([[2.0]], [2.0]))
    y = F.linear(x, weight, bias)
    table = Composite("", Epsilon(0.0), Epsilon(0.0), stabiliser=0.0).table(y, [x])
    (r,) = y.backward(y.data, rules=table, inputs=[x])
    assert r.numpy().tolist() == [[4.0]]


def test_a_fused_node_has_the_relevance_of_its_steps() -> None:
    x = Tensor(np.random.default_rng(3).normal(0, 1, (2, 3, 8, 8)), requires_grad=True)
    w, b = weights(4, 3, 3, 3), weights(4)
    apart = F.max_pool2d(F.relu(F.conv2d(x, w, b)), 2)
    together = F.conv_relu_pool(x, w, b, {}, {"kernel_size": 2})
    start = np.random.default_rng(4).normal(0, 1, apart.shape)
    found = [
        y.backward(start, rules=EPSILON_PLUS.table(y, [x]), inputs=[x])[0].numpy()
        for y in (apart, together)
    ]
    assert within(found[1], found[0], 1e-12 * float(np.abs(found[0]).max()))


def test_a_sum_that_was_written_in_place_is_refused() -> None:
    x = Tensor(np.ones((1, 4)), requires_grad=True)
    y = F.relu(x * 2.0)
    y += F.relu(x * 3.0)
    with pytest.raises(ValueError, match="write x = x \\+ y"):
        y.backward(y.data, rules=EPSILON_PLUS.table(y, [x]), inputs=[x])


def test_the_box_rule_asks_for_bounds() -> None:
    with pytest.raises(ValueError, match="give bounds"):
        propagated(chain, Composite("", ZPlus(), Epsilon(), Box()))


def test_alpha_less_beta_is_one() -> None:
    with pytest.raises(ValueError, match="alpha 1 more"):
        AlphaBeta(2.0, 0.5)
