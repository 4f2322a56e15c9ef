"""Pooling of sequences (N,C,L), as images of one row, and windows of images as columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.functional import arguments
from minidl.functional.adaptive import adaptive_avg_pool2d
from minidl.functional.padding import pad
from minidl.functional.pooling import avg_pool2d, max_pool2d
from minidl.functional.shape import getitem, reshape
from minidl.tensor import Tensor


def max_pool1d(
    x: Tensor, kernel_size: int, stride: int | None = None, padding: int = 0, dilation: int = 1
) -> Tensor:
    """The maximum of each window of x (N,C,L) or (C,L)."""
    row = _row(x, "max_pool1d")
    size, step, before = _window(kernel_size, stride, padding, "max_pool1d")
    apart = arguments.integer(dilation, "max_pool1d: dilation", 1, arguments.LONGEST)
    return _sequence(max_pool2d(row, (1, size), (1, step), (0, before), (1, apart)), x)


def avg_pool1d(
    x: Tensor, kernel_size: int, stride: int | None = None, padding: int = 0,
    ceil_mode: bool = False, count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The mean of each window of x (N,C,L) or (C,L)."""
    row = _row(x, "avg_pool1d")
    size, step, before = _window(kernel_size, stride, padding, "avg_pool1d")
    y = avg_pool2d(row, (1, size), (1, step), (0, before), ceil_mode, count_include_pad)
    return _sequence(y, x)


def adaptive_avg_pool1d(x: Tensor, output_size: int) -> Tensor:
    """The means of `output_size` parts of x (N,C,L) or (C,L)."""
    row = _row(x, "adaptive_avg_pool1d")
    size = arguments.integer(output_size, "adaptive_avg_pool1d: output_size", 1, arguments.LONGEST)
    return _sequence(adaptive_avg_pool2d(row, (1, size)), x)


def _row(x: Tensor, what: str) -> Tensor:
    arguments.tensor(x, what, "x")
    if x.ndim not in (2, 3):
        raise ValueError(f"{what}: takes (N,C,L) or (C,L), got the shape {x.shape}")
    batch = x.shape if x.ndim == 3 else (1, *x.shape)
    return reshape(x, (*batch[:2], 1, batch[2]))  # (N,C,L) -> (N,C,1,L)


def _sequence(y: Tensor, x: Tensor) -> Tensor:
    return reshape(y, (*x.shape[:-1], y.shape[-1]))  # (N,C,1,Q) -> (N,C,Q)


def _window(size: Any, stride: Any, padding: Any, what: str) -> tuple[int, int, int]:
    most = arguments.LONGEST
    size = arguments.integer(size, f"{what}: kernel_size", 1, most)
    step = size if stride is None else arguments.integer(stride, f"{what}: stride", 1, most)
    return size, step, arguments.integer(padding, f"{what}: padding", 0, most)


def unfold(
    x: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """The windows of x (N,C,H,W) as columns, (N, C R S, P Q): im2col."""
    arguments.tensor(x, "unfold", "x")
    if x.ndim != 4:
        raise ValueError(f"unfold: takes (N,C,H,W), got the shape {x.shape}")
    R, S = _pair(kernel_size, "kernel_size", 1)
    (down, right), (top, left) = _pair(dilation, "dilation", 1), _pair(padding, "padding", 0)
    steps = _pair(stride, "stride", 1)
    x = pad(x, (left, left, top, top)) if top or left else x
    N, C, H, W = x.shape
    P = (H - down * (R - 1) - 1) // steps[0] + 1
    Q = (W - right * (S - 1) - 1) // steps[1] + 1
    if P < 1 or Q < 1:
        raise ValueError(f"unfold: a window of {R}x{S} does not fit into {H}x{W} with its padding")
    arguments.result((N, C * R * S, P * Q), x.dtype, f"unfold: {x.shape} by {R}x{S}")
    rows = down * np.arange(R)[:, None] + steps[0] * np.arange(P)  # (R,P)
    columns = right * np.arange(S)[:, None] + steps[1] * np.arange(Q)  # (S,Q)
    index = rows[:, None, :, None], columns[None, :, None, :]  # (R,1,P,1), (1,S,1,Q)
    windows = getitem(x, (slice(None), slice(None), *index))  # (N,C,R,S,P,Q)
    return reshape(windows, (N, C * R * S, P * Q))


def _pair(value: Any, name: str, least: int) -> tuple[int, int]:
    one = isinstance(value, int | np.integer)
    pair = arguments.integers((value, value) if one else value, f"unfold: {name}", least)
    if len(pair) != 2 or max(pair) > arguments.LONGEST:
        raise ValueError(f"unfold: {name} is one number or two, each at most "
                         f"{arguments.LONGEST}, got {pair}")  # fmt: skip
    return pair[0], pair[1]
