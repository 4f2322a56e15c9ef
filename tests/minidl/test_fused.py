"""Tests of fused layers against the three calls that they replace, under every table of rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kernels.conv_relu_pool.in_chunks as in_chunks
from kernels.bounds import same_bits
from kernels.verify.arrays import integers, rngs
from kernels.verify.geometries import conv_geometries
from minidl import Tensor, backward, nn, no_grad, rules
from minidl import functional as F
from minidl.prepared_weights import forget

pytestmark = pytest.mark.usefixtures("one_thread")
TABLES = [rules.gradient, rules.deconvnet, rules.guided]


def apart_call(x: Tensor, w: Tensor, b: Tensor, conv: Any, pool: Any) -> Tensor:
    y = F.relu(F.conv2d(x, w, b, **conv))
    return y if pool is None else F.max_pool2d(y, **pool)


def layers(rng: np.random.Generator, count: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    """Integers: every sum is exact, and values are often equal."""
    shapes = (count, 2, 9, 9), (3, 2, 3, 3), (3,)
    x, w, b = (Tensor(integers(shape, rng, np.float64), True) for shape in shapes)
    return x, w, b


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@pytest.mark.parametrize("pool", [None, {"kernel_size": 3, "stride": 2, "padding": 1}])
@given(rng=rngs, at_once=st.sampled_from([1, 2000, 1 << 20]))
def test_a_fused_layer_gives_what_the_calls_one_by_one_give(
    table: rules.Rules, pool: Any, rng: np.random.Generator, at_once: int
) -> None:
    (x, w, b), conv = layers(rng), {"stride": 1, "padding": 1}
    expected = apart_call(x, w, b, conv, pool)
    gy = integers(expected.shape, rng, np.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_chunks, "AT_ONCE", at_once)
        y = F.conv_relu_pool(x, w, b, conv, pool)
        found = backward(y, gy, inputs=(x, w, b), rules=table)
    assert np.array_equal(y.data, expected.data)
    for one, other in zip(
        found, backward(expected, gy, inputs=(x, w, b), rules=table), strict=True
    ):
        assert np.array_equal(one.data, other.data)


@given(g=conv_geometries(), rng=rngs)
def test_any_convolution_may_be_fused(g: Any, rng: np.random.Generator) -> None:
    x, w = (Tensor(integers(shape, rng, np.float64)) for shape in (g.x_shape, g.w_shape))
    conv = {"stride": g.stride, "padding": g.padding, "dilation": g.dilation, "groups": g.groups}
    expected = F.relu(F.conv2d(x, w, **conv, algorithm="exact"))
    assert np.abs(F.conv_relu_pool(x, w, None, conv).data - expected.data).max(initial=0) < 1e-6


def test_only_what_is_needed_is_computed() -> None:
    x, w, b = layers(np.random.default_rng(0))
    y = F.conv_relu_pool(x, w, b, {}, {"kernel_size": 2})
    (gb,) = backward(y, np.ones(y.shape), inputs=(b,))
    assert gb.shape == b.shape
    assert all(t.grad is None for t in (x, w, b))


def test_a_sequence_fuses_convolution_relu_and_pooling_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    conv = nn.Conv2d(1, 1, 1, rng=rng)
    kinds = [conv, nn.ReLU(), nn.MaxPool2d(2), conv, nn.ReLU(), nn.ReLU(), conv, nn.MaxPool2d(2)]
    assert len(nn.Sequential(**{f"layer{i}": k for i, k in enumerate(kinds)}).plan()) == 5


def test_a_sequence_gives_what_its_layers_give() -> None:
    rng = np.random.default_rng(0)
    net = nn.Sequential(
        conv=nn.Conv2d(3, 4, 3, rng=rng), relu=nn.ReLU(), pool=nn.MaxPool2d(2), flat=nn.Flatten()
    )
    x = Tensor(rng.standard_normal((2, 3, 8, 8)).astype(np.float32))
    assert same_bits(net(x).data, net.activations(x)["flat"].data)


def test_weights_prepared_for_inference_are_dropped_when_they_change() -> None:
    rng = np.random.default_rng(0)
    conv, x = nn.Conv2d(8, 8, 3, rng=rng), Tensor(rng.standard_normal((1, 8, 9, 9), np.float32))
    with no_grad():
        before = conv(x).data.copy()
        assert same_bits(conv(x).data, before)
        conv.weight.assign(-conv.weight.data)
        conv.bias.assign(-conv.bias.data)
        assert np.abs(conv(x).data + before).max() < 1e-4
    forget()
