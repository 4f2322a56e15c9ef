"""Wrong kernels of each kind that the suite's strata, histories and numbers are for, and a right
one that none of them flags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kernels import Abilities, ConvGeometry, Kernel, PoolGeometry
from kernels.contract.declarations import Accuracy
from kernels.definition.convolution import conv2d_wgrad
from kernels.definition.pooling import avg_pool2d, max_pool2d
from kernels.verify import PROPERTIES
from tests.kernels.trials import Forward, conv, right, tried


def wrong_where(condition: Callable[[ConvGeometry], bool]) -> Forward:
    """The last output is lost where `condition` holds."""

    def forward(x: np.ndarray, w: np.ndarray, g: ConvGeometry, *, bias: Any = None) -> np.ndarray:
        y = right(x, w, g, bias=bias)
        if condition(g) and y.size:
            y[-1, -1, -1, -1] += 1
        return y

    return forward


@pytest.mark.parametrize(
    "condition",
    [
        lambda g: g.N > 40,
        lambda g: g.C // g.groups > 400,
        lambda g: g.K > 1000,
        lambda g: g.H > 500,
        lambda g: g.W > 40_000,
        lambda g: g.groups > 6 and g.groups == g.C,
        lambda g: g.stride[1] > 6,
        lambda g: max(g.dilation) > 5,
        lambda g: max(g.padding) > 7,
        lambda g: g.R > 13,
        lambda g: g.stride == (g.R, g.S) and g.R > 3,
        lambda g: (g.P, g.Q) == (1, 1) and g.R * g.S > 100,
        lambda g: g.C > 64 < g.K and g.P > 14 < g.Q,
        lambda g: g.dilation[0] != g.dilation[1] and max(g.dilation) > 3,
    ],
)
def test_a_size_that_is_wrong_above_a_threshold_is_caught(
    condition: Callable[[ConvGeometry], bool],
) -> None:
    outcome = tried(conv(wrong_where(condition)), "thresholds")
    assert outcome.failure is not None
    assert condition(outcome.failure.call.g)


@pytest.mark.parametrize(
    "condition",
    [
        lambda g: g.C >= 256 and g.R == 3 and g.stride == (2, 2),
        lambda g: g.C == 3 and g.stride == (16, 16) and g.K == 768,
        lambda g: g.groups == g.C == 144,
        lambda g: g.dilation == (1, 256),
    ],
)
def test_a_layer_of_a_network_that_is_wrong_is_caught(
    condition: Callable[[ConvGeometry], bool],
) -> None:
    outcome = tried(conv(wrong_where(condition)), "networks")
    assert outcome.failure is not None
    assert condition(outcome.failure.call.g)


def cached(key: Callable[..., Any]) -> Forward:
    """Results are kept by `key`."""
    kept: dict[Any, np.ndarray] = {}

    def forward(x: np.ndarray, w: np.ndarray, g: ConvGeometry, *, bias: Any = None) -> np.ndarray:
        this = (key(x, w, g), g, x.dtype.str, None if bias is None else bias.tobytes())
        if this not in kept:
            kept[this] = right(x, w, g, bias=bias)
        return kept[this].copy()

    return forward


@pytest.mark.parametrize(
    ("key", "law"),
    [
        (lambda x, w, g: None, "in turn"),
        (lambda x, w, g: (x.ctypes.data, w.ctypes.data), "one element"),
        (lambda x, w, g: (x.sum(), w.sum()), "same sum"),
        (lambda x, w, g: (x.tobytes()[:16], w.tobytes()[:16]), "one element"),
        (lambda x, w, g: np.sort(x, None).tobytes() + np.sort(w, None).tobytes(), "same sum"),
    ],
)
def test_a_result_that_is_kept_by_less_than_its_operands_is_caught(
    key: Callable[..., Any], law: str
) -> None:
    assert tried(conv(cached(key)), law).failure is not None


def counted(x: np.ndarray, w: np.ndarray, g: ConvGeometry, *, bias: Any = None) -> np.ndarray:
    """Every 500th call returns the result of the call before."""
    state = counted.__dict__
    state["calls"] = state.get("calls", 0) + 1
    y = right(x, w, g, bias=bias)
    last, state["last"] = state.get("last"), y.copy()
    return last if state["calls"] % 500 == 0 and np.shape(last) == y.shape else y


def passed_on(x: np.ndarray, w: np.ndarray, g: ConvGeometry, *, bias: Any = None) -> np.ndarray:
    """An identity filter returns x."""
    same = g.w_shape == (g.C, g.C, 1, 1) and g.y_shape == g.x_shape and bias is None
    return x if same and (w[..., 0, 0] == np.eye(g.C)).all() else right(x, w, g, bias=bias)


def bordered() -> Forward:
    """The padded copy is kept by its size, and its border is not written again."""
    kept: dict[Any, np.ndarray] = {}

    def forward(x: np.ndarray, w: np.ndarray, g: ConvGeometry, *, bias: Any = None) -> np.ndarray:
        if min(g.padding) < 0:
            return right(x, w, g, bias=bias)
        top, bottom, left, right_ = g.padding
        shape = g.N, g.C, g.H + top + bottom, g.W + left + right_
        padded = kept.setdefault((shape, x.dtype.str), np.zeros(shape, x.dtype))
        padded[:, :, top : top + g.H, left : left + g.W] = x
        whole = replace(g, H=shape[2], W=shape[3], padding=(0,) * 4)
        return right(padded, w, whole, bias=bias)

    return forward


def reused() -> Forward:
    """The result of a shape is in one buffer."""
    kept: dict[Any, np.ndarray] = {}

    def forward(x: np.ndarray, w: np.ndarray, g: ConvGeometry, *, bias: Any = None) -> np.ndarray:
        y = right(x, w, g, bias=bias)
        buffer = kept.setdefault((y.shape, y.dtype.str), np.empty_like(y))
        buffer[...] = y
        return buffer

    return forward


def flushed(x: np.ndarray, w: np.ndarray, g: ConvGeometry, *, bias: Any = None) -> np.ndarray:
    return right(np.where(np.abs(x) < np.finfo(x.dtype).tiny, 0 * x, x), w, g, bias=bias)


def narrow(x: np.ndarray, w: np.ndarray, g: ConvGeometry, *, bias: Any = None) -> np.ndarray:
    return right(np.where(np.abs(x) < 2.0**-60, 0 * x, x), w, g, bias=bias)


def skipping(x: np.ndarray, w: np.ndarray, g: ConvGeometry, *, bias: Any = None) -> np.ndarray:
    return right(x if w.any() else np.zeros_like(x), w, g, bias=bias)


@pytest.mark.parametrize(
    ("forward", "law"),
    [
        (counted, "many calls"),
        (passed_on, "own memory"),
        (bordered(), "other pads"),
        (reused(), "in turn"),
        (flushed, "denormals"),
        (narrow, "any magnitude"),
        (skipping, "dead filters"),
    ],
)
def test_what_only_a_history_or_a_special_number_shows_is_caught(
    forward: Forward, law: str
) -> None:
    assert tried(conv(forward), law).failure is not None


def test_a_kernel_may_declare_that_its_blas_skips_zeros() -> None:
    kernel = replace(conv(skipping), accuracy=Accuracy(spreads="padding", skips_zeros=True))
    assert not PROPERTIES["dead filters"].concerns(kernel)


def pooled_wrongly(x: np.ndarray, g: PoolGeometry) -> tuple[np.ndarray, np.ndarray]:
    y, switches = max_pool2d(x, g)
    return y.astype(x.dtype), switches.astype(np.int16).astype(np.int32)


def averaged_wrongly(x: np.ndarray, g: PoolGeometry) -> np.ndarray:
    y = avg_pool2d(x, g)
    return (y.astype(np.float16) if g.R * g.S > 120 else y).astype(x.dtype)


def summed_wrongly(x: np.ndarray, gy: np.ndarray, g: ConvGeometry) -> np.ndarray:
    some = replace(g, N=min(g.N, 64))
    return conv2d_wgrad(x[:64], gy[:64], some).astype(x.dtype)


@pytest.mark.parametrize(
    ("operation", "function"),
    [
        ("max_pool2d", pooled_wrongly),
        ("avg_pool2d", averaged_wrongly),
        ("conv2d_wgrad", summed_wrongly),
    ],
)
def test_other_operations_have_thresholds_too(operation: str, function: Callable[..., Any]) -> None:
    kernel = Kernel(operation, "tried", "cpu", function, Accuracy(spreads="padding"))
    assert tried(kernel, "thresholds").failure is not None


NEW = ("thresholds", "networks", "one element", "same sum", "same address", "in turn",
       "other pads", "own memory", "many calls", "racing", "denormals", "any magnitude",
       "largest numbers", "dead filters")  # fmt: skip


@pytest.mark.parametrize("law", NEW)
def test_a_right_kernel_is_not_flagged(law: str) -> None:
    outcome = tried(conv(right), law, "dev")
    assert outcome.failure is None, outcome.failure.reason
    assert outcome.examples > 0 and not outcome.unmet


@pytest.mark.parametrize(
    "supports",
    [
        lambda g: g.padding == (1, 1, 1, 1) and (g.R, g.S) == (3, 3) and g.C % 8 == 0,
        lambda g: g.H == g.W == 28 and g.groups == 1,
        lambda g: g.x_shape == (1, 64, 56, 56) and g.w_shape == (64, 64, 3, 3),
    ],
)
def test_a_kernel_that_serves_few_geometries_is_tried_on_these(
    supports: Callable[[ConvGeometry], bool],
) -> None:
    abilities = Abilities(lambda problem: supports(problem.geometry))
    kernel = replace(conv(wrong_where(lambda g: g.K > 2)), abilities=abilities)
    outcome = tried(kernel, "linear", "dev")
    assert outcome.failure is not None
    assert supports(outcome.failure.call.g)


def test_a_workspace_that_callers_share_is_caught() -> None:
    space: dict[int, np.ndarray] = {}

    def forward(x: np.ndarray, w: np.ndarray, g: ConvGeometry, *, bias: Any = None) -> np.ndarray:
        copied = space.setdefault(x.size, np.empty(x.size, np.float64))
        copied[...] = x.reshape(-1)  # (N,C,H,W) -> (NCHW,)
        again = copied.reshape(x.shape).astype(x.dtype)  # (NCHW,) -> (N,C,H,W)
        return right(again, w, g, bias=bias)

    assert tried(conv(forward), "interrupted").failure is not None
    assert tried(conv(right), "interrupted").holds
