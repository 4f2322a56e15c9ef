"""Tests of errors from bad arguments: a ValueError or TypeError that shows the numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kernels import ConvGeometry, PoolGeometry
from minidl import Tensor, init, nn, optim
from minidl import functional as F

pytestmark = pytest.mark.quick

X, W = np.zeros((1, 4, 5, 5), np.float32), np.zeros((6, 4, 3, 3), np.float32)


def of(*shape: int, dtype: Any = np.float32) -> Tensor:
    return Tensor(np.zeros(shape, dtype))


def conv(x: tuple[int, ...] = X.shape, w: tuple[int, ...] = W.shape, **options: Any) -> Any:
    return lambda: F.conv2d(of(*x), of(*w), **options)


def transposed(x: tuple[int, ...], w: tuple[int, ...] = W.shape, **options: Any) -> Any:
    return lambda: F.conv_transpose2d(of(*x), of(*w), **options)


def pool(*settings: Any, **options: Any) -> Any:
    return lambda: F.max_pool2d(of(1, 4, 5, 5), *settings, **options)


def average(*settings: Any, **options: Any) -> Any:
    return lambda: F.avg_pool2d(of(1, 4, 5, 5), *settings, **options)


def unpool(switches: Any, size: Any = (4, 4), **options: Any) -> Any:
    return lambda: F.max_unpool2d(of(1, 1, 2, 2), np.asarray(switches), size, **options)


def entropy(logits: tuple[int, ...], labels: Any) -> Any:
    return lambda: F.cross_entropy(of(*logits), np.asarray(labels))


VALUE_ERRORS: list[tuple[Callable[[], Any], str]] = [
    (conv(x=(4, 5, 5)), r"four axes \(N, C, H, W\), got the shape \(4, 5, 5\)"),
    (conv(w=(6, 3, 3)), r"four axes \(K, C/groups, R, S\), got the shape \(6, 3, 3\)"),
    (conv(w=(6, 3, 3, 3)), r"x \(1, 4, 5, 5\) and weight \(6, 3, 3, 3\).* = 4, not 3"),
    (conv(stride=0), "stride: must be at least 1, got 0"),
    (conv(stride=(1, -2)), r"stride: must be at least 1, got \(1, -2\)"),
    (conv(stride=(1, 2, 3)), r"stride: expected an integer or two .*, got \(1, 2, 3\)"),
    (conv(stride=1.5), "stride: expected an integer or two .*, got 1.5"),
    (conv(stride=True), "stride: expected an integer or two .*, got True"),
    (conv(dilation=0), "dilation: must be at least 1, got 0"),
    (conv(padding=(1, 2, 3)), r"padding: expected .*, got \(1, 2, 3\)"),
    (conv(padding=0.5), "padding: expected .*, got 0.5"),
    (conv(padding="some"), "padding must be one of same, valid, got 'some'"),
    (conv(padding="same", stride=2), "padding 'same' needs stride 1, got 2"),
    (conv(w=(6, 4, 9, 3), padding=1), r"window 9x3 .* input 5x5 with padding \(1, 1, 1, 1\)"),
    (conv(dilation=3), r"window 3x3 with dilation \(3, 3\) spans 7x7 .* input 5x5"),
    (conv(padding=-2), r"input 5x5 with padding \(-2, -2, -2, -2\)"),
    (conv(w=(6, 4, 0, 3)), "R must be at least 1, got 0"),
    (conv(groups=3), "groups=3: groups must be .* divides the 4 input channels and the 6 filters"),
    (conv(groups=0), "groups=0"),
    (conv(groups=-1), "groups=-1"),
    (conv(groups=2.0), "groups=2.0"),
    (conv(bias=of(4)), r"bias \(4,\) must have the shape \(6,\)"),
    (conv(algorithm="fft"), "no kernel 'fft' on 'cpu'"),
    (transposed((1, 4, 5, 5)), r"x \(1, 4, 5, 5\) has 4 channels, the weight \(6, 4, 3, 3\)"),
    (transposed((1, 6, 2, 2), output_padding=1), r"output_padding \(1, 1\) must be smaller"),
    (transposed((1, 6, 2, 2), output_padding=-1), "output_padding: must be at least 0, got -1"),
    (transposed((1, 6, 2, 2), padding=3), r"would give -2x-2 pixels"),
    (transposed((1, 6, 0, 2)), r"x \(1, 6, 0, 2\) has no pixels"),
    (transposed((1, 6, 2, 2), bias=of(6)), r"bias \(6,\) must have the shape \(4,\)"),
    (pool(0), "kernel_size: must be at least 1, got 0"),
    (pool((3, 3, 3)), r"kernel_size: expected .*, got \(3, 3, 3\)"),
    (pool(7, padding=0), "window 7x7 .* does not fit into the input 5x5"),
    (pool(2, 2, 2), r"padding \(2, 2, 2, 2\) .* window 2x2 .* nothing but padding"),
    (pool(2, 2, (0, -2, 0, 0), ceil_mode=True), r"padding \(0, -2, 0, 0\) .* crops the end"),
    (average(2, stride=-1), "stride: must be at least 1, got -1"),
    (average(3, 4, 3), r"padding \(3, 3, 3, 3\)"),
    (unpool([[[[0, 1], [2, 16]]]]), "switches from 0 to 16 .* plane of 4x4 = 16"),
    (unpool([[[[-1, 1], [2, 3]]]]), "switches from -1 to 3"),
    (unpool([0, 1, 2, 3]), r"y \(1, 1, 2, 2\) and switches \(4,\)"),
    (unpool([[[[0, 1], [2, 3]]]], collisions="mean"), r"'sum', 'max', 'last'.*got 'mean'"),
    (unpool([[[[0, 1], [2, 3]]]], (-4, -4)), r"output_size: must be at least 0, got \(-4, -4\)"),
    (unpool([[[[0, 1], [2, 3]]]], (4,)), r"output_size: expected .*, got \(4,\)"),
    (entropy((0, 3), np.empty(0, int)), "the batch is empty"),
    (entropy((2, 3), [0, 3]), "labels from 0 to 3 do not fit 3 classes"),
    (entropy((2, 3), [-1, 1]), "labels from -1 to 1 do not fit 3 classes"),
    (entropy((2, 3), [0]), r"logits \(2, 3\) and labels \(1,\)"),
    (entropy((2, 3, 4), [0, 1]), r"logits \(2, 3, 4\)"),
    (lambda: F.linear(of(2, 3), of(4, 5)), r"x \(2, 3\) and weight \(4, 5\)"),
    (lambda: F.linear(of(2, 3), of(4, 3), of(3)), r"bias \(3,\) .* 4 rows"),
    (lambda: F.matmul(of(2, 3), of(4, 5)), r"\(2, 3\) and \(4, 5\)"),
    (lambda: of(2, 3) + of(4), r"\(2, 3\) and \(4,\) do not broadcast"),
    (lambda: F.reshape(of(2, 3), (4, 2)), r"\(2, 3\) has 6 elements .* \(4, 2\)"),
    (lambda: F.transpose(of(2, 3), (0, 0)), r"\(0, 0\) does not name each axis of \(2, 3\) once"),
    (lambda: F.broadcast_to(of(2, 3), (2, 4)), r"\(2,\s?3\).*\(2,\s?4\)"),
    (lambda: F.concatenate([of(2, 3), of(3, 4)]), r"\[\(2, 3\), \(3, 4\)\]"),
    (lambda: F.concatenate([of(2, 3)], 2), r"\[\(2, 3\)\] must have axis 2"),
    (lambda: F.stack([of(2, 3), of(3, 2)]), r"\[\(2, 3\), \(3, 2\)\]"),
    (lambda: F.stack([]), r"\[\]"),
    (lambda: F.stack([of(2)], 2), r"\[\(2,\)\] .* new axis 2"),
    (lambda: F.pad2d(of(1, 1, 2, 2), (-2, -1, 0, 0)), r"\(-2, -1, 0, 0\) .* \(1, 1, 2, 2\)"),
    (lambda: F.pad2d(of(1, 1, 2, 2), (-3, 4, 0, 0)), r"\(-3, 4, 0, 0\) .* \(1, 1, 2, 2\)"),
    (lambda: F.pad2d(of(2, 2), (1, 1, 1, 1)), r"\(N, C, H, W\), got \(2, 2\)"),
    (lambda: F.sum(of(2, 3), 2), "axis 2 is out of bounds for array of dimension 2"),
    (lambda: F.mean(of(0, 3)), r"nothing to average .* \(0, 3\)"),
    (lambda: F.softmax(of(2, 3), 2), r"\(2, 3\) has no axis 2"),
    (lambda: F.log_softmax(of(2, 0)), r"\(2, 0\)"),
    (lambda: F.dropout(of(3), 1.0, seed=0, step=0), "below 1, got 1.0"),
    (lambda: F.dropout(of(3), -0.1, seed=0, step=0), "got -0.1"),
    (lambda: F.dropout(of(3), float("nan"), seed=0, step=0), "got nan"),
    (lambda: F.dropout_mask((3,), 1.5, seed=0, step=0), "from 0 to 1, got 1.5"),
    (lambda: F.local_contrast_norm(of(1, 2, 4, 4), size=4), "got 4"),
    (lambda: F.local_response_norm(of(1, 2, 4, 4), size=0), "got 0"),
    (lambda: of(2, 3).assign(np.zeros(3)), r"\(3,\) does not fit the tensor's \(2, 3\)"),
    (lambda: Tensor(np.zeros((2, 3)), True).backward(), r"\(2, 3\) needs a cotangent"),
    (lambda: Tensor(np.zeros(3), True).backward(np.zeros(4)), r"float64 \(4,\), .* \(3,\)"),
    (
        lambda: Tensor(np.zeros(3), True).backward(np.zeros(3, np.float32)),
        r"the cotangent is float32 \(3,\), the tensor float64 \(3,\)",
    ),
    (lambda: optim.SGD({}, lr=-1.0), "lr=-1.0"),
    (lambda: optim.SGD({}, lr=float("nan")), "lr=nan"),
    (lambda: optim.SGD({}, lr=1.0, momentum=1.0), "momentum=1.0"),
    (lambda: optim.SGD({}, lr=1.0, weight_decay=-0.5), "weight_decay=-0.5"),
    (
        lambda: nn.Conv2d(3, 4, (3, 0), rng=np.random.default_rng(0)),
        r"kernel_size: must be at least 1, got \(3, 0\)",
    ),
    (lambda: nn.Sequential(a=nn.ReLU()).activations(of(1), "b"), "no layer 'b'; the layers are a"),
]

TYPE_ERRORS: list[tuple[Callable[[], Any], str]] = [
    (lambda: Tensor(np.zeros((2, 3), np.int64)), r"got int64 of shape \(2, 3\)"),
    (lambda: Tensor(np.zeros(3, np.float16)), r"got float16 of shape \(3,\)"),
    (lambda: Tensor(np.zeros(3, complex)), r"got complex128 of shape \(3,\)"),
    (lambda: of(2, 3) + of(3, dtype=np.float64), r"float32 \(2, 3\) and float64 \(3,\)"),
    (lambda: of(3) * np.zeros(3), "float32 .* float64"),
    (lambda: of(3) + np.arange(3), "got int64"),
    (lambda: F.conv2d(of(*X.shape), of(*W.shape, dtype=np.float64)), "got float32, float64"),
    (lambda: F.conv2d(of(*X.shape), of(*W.shape), of(6, dtype=np.float64)), "float32, float64"),
    (lambda: F.matmul(of(2, 3), of(3, 4, dtype=np.float64)), "float32, float64"),
    (lambda: F.concatenate([of(1, 2), of(1, 2, dtype=np.float64)]), "float32 and float64"),
    (unpool(np.zeros((1, 1, 2, 2))), "switches must be integers, got float64"),
    (entropy((2, 3), [0.0, 1.0]), "labels must be integers, got float64"),
    (entropy((2, 3), [True, False]), "labels must be integers, got bool"),
    (lambda: nn.Module()(of(1)), "Module defines no forward"),
]


def identify(case: Any) -> str | None:
    return case if isinstance(case, str) else ""


@pytest.mark.parametrize(("call", "message"), VALUE_ERRORS, ids=identify)
def test_a_bad_value_is_refused_with_its_numbers(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("call", "message"), TYPE_ERRORS, ids=identify)
def test_a_bad_type_is_refused_by_its_name(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


def test_a_tensor_off_the_tape_has_no_backward() -> None:
    with pytest.raises(RuntimeError, match=r"shape \(3,\) is not on the tape"):
        of(3).backward(np.zeros(3, np.float32))


@pytest.mark.parametrize("shape", [(-1, 4, 5, 5), (1, -4, 5, 5), (1, 4, -5, 5), (1, 4, 5, -5)])
def test_a_negative_size_is_refused(shape: tuple[int, ...]) -> None:
    for build in (
        lambda: ConvGeometry.of(shape, W.shape),
        lambda: ConvGeometry.of(X.shape, shape),
        lambda: ConvGeometry.of_transposed(shape, W.shape),
        lambda: PoolGeometry.of(shape, 2),
    ):
        with pytest.raises(ValueError, match=r"no size may be negative, got \(.*-"):
            build()


def test_an_error_changes_no_weights() -> None:
    weight = np.ones((2, 3), np.float32)
    with pytest.raises(ValueError):
        init.renormalise_filters(weight)
    assert (weight == 1).all()
