"""Writes into results, switches, indices and labels that the tape saved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels.bounds import same_bits
from minidl import Tensor, no_grad
from minidl import functional as F
from tests.minidl.test_tape_writes import CHANGED, WRITES, leaf

pytestmark = pytest.mark.quick


def fused(x: Tensor, pool: dict[str, int] | None) -> Tensor:
    return F.conv_relu_pool(x, leaf(3, 2, 3, 3), None, {"padding": 1}, pool)


@pytest.mark.parametrize("pool", [None, {"kernel_size": 2}])
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("view", [lambda y: y, lambda y: y.detach(), lambda y: y[:1]])
def test_a_fused_output_that_was_assigned_is_refused(pool: Any, write: str, view: Any) -> None:
    y = fused(leaf(2, 2, 6, 6), pool)
    with no_grad():
        WRITES[write](view(y))
    with pytest.raises(RuntimeError, match=r"the saved y of conv_relu_pool.*" + CHANGED):
        y.backward(np.ones(y.shape))


def test_returned_switches_may_be_overwritten() -> None:
    x = leaf(1, 2, 6, 6)
    y, switches = F.max_pool2d(x, 2, return_switches=True)
    (before,) = y.backward(np.ones(y.shape), inputs=[x])
    switches[...] = 0
    (after,) = y.backward(np.ones(y.shape), inputs=[x])
    assert same_bits(after.data, before.data)


def test_given_switches_may_be_overwritten() -> None:
    y = leaf(1, 2, 3, 3)
    switches = np.arange(18, dtype=np.int32).reshape(1, 2, 3, 3) * 2 % 36  # (18,) -> (N,C,P,Q)
    x = F.max_unpool2d(y, switches, (6, 6))
    gx = np.random.default_rng(0).standard_normal(x.shape)
    (before,) = x.backward(gx, inputs=[y])
    switches[...] = 0
    (after,) = x.backward(gx, inputs=[y])
    assert same_bits(after.data, before.data)


@pytest.mark.parametrize(
    "index",
    [
        np.array([2, 0]),
        [2, 0],
        (slice(None), np.array([1, 0])),
        np.array([True, False, True]),
    ],
)
def test_an_index_may_be_overwritten(index: Any) -> None:
    x = leaf(3, 3)
    y = x[index]
    gy = np.random.default_rng(0).standard_normal(y.shape)
    (before,) = y.backward(gy, inputs=[x])
    within = index[1] if isinstance(index, tuple) else index
    within[0] = within[1]
    (after,) = y.backward(gy, inputs=[x])
    assert same_bits(after.data, before.data)


def test_labels_and_conditions_and_constants_may_be_overwritten() -> None:
    x, labels, mask, factor = (
        leaf(3, 4),
        np.array([0, 1, 2]),
        np.ones((3, 4), bool),
        np.ones((3, 4)),
    )
    found = []
    losses = F.cross_entropy(x, labels), F.where(mask, x, 0.0), x * factor, factor / x
    for _ in range(2):
        found.append([
            y.backward(np.ones(y.shape), inputs=[x])[0].data.copy() for y in losses
        ])  # fmt: skip
        labels[...], mask[...], factor[...] = 3, False, 5
    assert all(same_bits(a, b) for a, b in zip(*found, strict=True))
