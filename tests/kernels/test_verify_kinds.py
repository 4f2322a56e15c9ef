"""Ten wrong kernels, each of a kind that escapes tests of few sizes, and two right ones.

Each is caught at the default profile by the run of `python -m kernels verify`, here of the
properties for its kind alone; the right ones pass all that concern them, with fewer examples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from kernels import ConvGeometry, Kernel, PoolGeometry
from kernels.contract.declarations import Accuracy
from kernels.contract.norm_geometry import LRNGeometry
from kernels.definition.convolution import conv2d, conv2d_dgrad, conv2d_wgrad
from kernels.definition.normalisation import local_response_norm
from kernels.definition.pooling import avg_pool2d, max_pool2d, max_unpool2d
from kernels.verify import Outcome, suite

Array = np.ndarray


@dataclass(frozen=True)
class Wrong:
    """A kernel that is wrong, and the properties for its kind."""

    what: str
    operation: str
    function: Callable[..., Any]
    properties: tuple[str, ...]


def whole_images(gy: Array, w: Array, g: ConvGeometry) -> Array:
    gx = conv2d_dgrad(gy, w, g).astype(gy.dtype)
    gx[48:] = 0
    return gx


def summed_in_blocks(x: Array, gy: Array, g: ConvGeometry) -> Array:
    most = max(g.K // g.groups // 96 * 96, min(96, g.K // g.groups))
    gw = conv2d_wgrad(x, gy, g).astype(x.dtype)
    gw.reshape(g.groups, -1, *gw.shape[1:])[:, most:] = 0  # (K,C/G,R,S) -> (G,K/G,C/G,R,S)
    return gw


def six_groups(x: Array, w: Array, g: ConvGeometry, *, bias: Array | None = None) -> Array:
    first = w[: g.K // g.groups]
    if g.groups > 6:
        w = np.concatenate([w[: 6 * len(first)], *[first] * (g.groups - 6)])
    y = conv2d(x, w, g).astype(x.dtype)
    return y if bias is None else y + bias[:, None, None]


def flat_filters(gy: Array, w: Array, g: ConvGeometry) -> Array:
    flat = w.reshape(*w.shape[:2], g.S, g.R).swapaxes(2, 3)  # (K,C/G,R,S) -> (K,C/G,S,R) swapped
    return conv2d_dgrad(gy, w if g.R == g.S else flat, g).astype(gy.dtype)


def short_switches(x: Array, g: PoolGeometry) -> tuple[Array, Array]:
    y, switches = max_pool2d(x, g)
    return y.astype(x.dtype), switches.astype(np.uint16).astype(np.int32)


def columns_of_a_launch(x: Array, g: PoolGeometry) -> Array:
    y = avg_pool2d(x, g).astype(x.dtype)
    y[..., 96:] = 0
    return y


def largest_wins(y: Array, switches: Array, g: PoolGeometry, *, collisions: str = "sum") -> Array:
    law = "max" if collisions == "last" else collisions
    return max_unpool2d(y, switches, g, collisions=law).astype(y.dtype)


def float32_squares(x: Array, g: LRNGeometry) -> Array:
    with np.errstate(over="ignore"):
        finite = np.where(np.abs(x) < 1e18, x, np.sign(x) * 1e18).astype(x.dtype)
    return local_response_norm(finite, g).astype(x.dtype)


def ten_bits(a: Array, b: Array, g: Any, *, bias: Array | None = None) -> Array:
    if a.dtype == np.float32 and a.shape[1] >= 24:
        a, b = ((v.view(np.int32) & ~0x1FFF).view(np.float32) for v in map(np.array, (a, b)))
    y = a @ b
    return y if bias is None else y + bias


def kept_by_its_ends() -> Callable[..., Array]:
    kept: dict[Any, Array] = {}

    def relu_vjp(gy: Array, x: Array) -> Array:
        ends = gy.ravel()[:1].tobytes(), gy.ravel()[-1:].tobytes(), x.tobytes()
        key = (gy.shape, gy.dtype.str, *ends)
        if key not in kept:
            kept[key] = np.where(x > 0, gy, gy.dtype.type(0))
        return kept[key].copy()

    return relu_vjp


WRONG = (
    Wrong("dgrad: images beyond 48 are lost", "conv2d_dgrad", whole_images, ("thresholds",)),
    Wrong("wgrad: filters after whole blocks of 96 are lost", "conv2d_wgrad", summed_in_blocks,
          ("large integers", "thresholds")),
    Wrong("groups beyond 6 have the first one's filters", "conv2d", six_groups, ("thresholds",)),
    Wrong("dgrad: R and S swapped as filters are read", "conv2d_dgrad", flat_filters,
          ("definition",)),
    Wrong("switches of 16 bits", "max_pool2d", short_switches, ("thresholds", "networks")),
    Wrong("columns beyond 96 are lost", "avg_pool2d", columns_of_a_launch,
          ("definition", "thresholds")),
    Wrong("unpooling: the largest value wins instead of the last", "max_unpool2d", largest_wins,
          ("definition",)),
    Wrong("LRN: squares overflow", "local_response_norm", float32_squares,
          ("large responses",)),
    Wrong("operands of ten bits from 24 terms on", "matmul", ten_bits,
          ("statistical line", "networks")),
    Wrong("results kept by the first and last value", "relu_vjp", kept_by_its_ends(),
          ("one element",)),
)  # fmt: skip


def tap_by_tap(gy: Array, w: Array, g: ConvGeometry) -> Array:
    """dgrad as a sum over taps, added to every stride-th pixel, in the type of the operands."""
    top, bottom, left, right = (max(pad, 0) for pad in g.padding)
    gx = np.zeros((g.N, g.C, g.H + top + bottom, g.W + left + right), gy.dtype)
    rows, columns = max(-g.padding[0], 0), max(-g.padding[2], 0)  # cropped
    for group in range(g.groups):
        c, k = (slice(group * n, (group + 1) * n) for n in (g.C // g.groups, g.K // g.groups))
        for r, s in np.ndindex(g.R, g.S):
            h, v = rows + r * g.dilation[0], columns + s * g.dilation[1]
            pixels = gx[:, c, h:, v:][:, :, :: g.stride[0], :: g.stride[1]][:, :, : g.P, : g.Q]
            # (N,K/G,P,Q) x (K/G,C/G) -> (N,C/G,P,Q)
            pixels += np.einsum("nkpq,kc->ncpq", gy[:, k], w[k, :, r, s])
    return gx[:, :, top : top + g.H, left : left + g.W]


@np.errstate(over="ignore", invalid="ignore")
def summed_squares(x: Array, g: LRNGeometry) -> Array:
    """LRN by one pass for each channel of the window, in float64."""
    wide = x.astype(np.float64)
    t = np.full(g.x_shape, float(g.k))
    for offset in range(-g.before, g.after + 1):
        first, last = max(0, -offset), min(g.C, g.C - offset)
        if first < last:
            t[:, first:last] += g.alpha / g.size * wide[:, first + offset : last + offset] ** 2
    return (wide / t**g.beta).astype(x.dtype)


def outcomes(kernel: Kernel, names: tuple[str, ...], profile: str) -> Iterator[Outcome]:
    trials = [(k, p) for k, p in suite.plan([kernel]).trials if not names or p.name in names]
    assert len(trials) >= len(names)
    return suite.run(trials, profile, seed=0)


@pytest.mark.parametrize(
    ("operation", "function"),
    [("conv2d_dgrad", tap_by_tap), ("local_response_norm", summed_squares)],
)
def test_a_right_kernel_is_not_flagged(operation: str, function: Callable[..., Array]) -> None:
    found = list(outcomes(Kernel(operation, "right", "cpu", function), (), "few"))
    assert [o.law.name for o in found if not o.holds and not o.inapplicable] == []
    assert sum(o.examples for o in found) > 3 * len(found) / 2


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.what)
def test_a_wrong_kernel_of_each_kind_is_caught(wrong: Wrong) -> None:
    accuracy = Accuracy(spreads="padding" if wrong.operation == "conv2d" else "nowhere")
    kernel = Kernel(wrong.operation, "wrong", "cpu", wrong.function, accuracy)
    assert any(outcome.failure for outcome in outcomes(kernel, wrong.properties, "ci"))
