"""Local contrast and local response normalisation.

Each has a fused kernel for its gradient. Under `create_graph` the rule differentiates the same
formula written in Tensor functions instead, so that derivatives of any order exist; a test compares
the two.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import kernels
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from minidl import device
from minidl.backward_pass import backward
from minidl.functional import arguments
from minidl.functional.arithmetic import where
from minidl.functional.convolution import conv2d
from minidl.functional.elementary import sqrt
from minidl.functional.reduction import mean
from minidl.recording import is_recording
from minidl.rules import gradient
from minidl.tensor import Node, Tensor, record

Needs = tuple[bool, ...]


def local_contrast_norm(
    x: Tensor, size: int = 9, sigma: float = 1.5, border: str = "corrected", floor: float = 1e-4
) -> Tensor:
    """x (N,C,H,W) minus its blurred mean, over its blurred deviation (Jarrett et al., ICCV 2009).

        v = x - blur(mean_c x),  s = sqrt(blur(mean_c v^2)),  y = v / max(mean_hw s, s, floor)

    The blur is a Gaussian of `size` x `size` pixels with standard deviation `sigma`, in pixels.
    `border` "corrected" divides it by the blur of ones, "zero" pads with zeros. `floor` is in the
    units of x. Sums are float64, y is of x's type: in float32 nothing overflows. ValueError for
    settings that do not fit.
    """
    arguments.tensor(x, "local_contrast_norm", "x")
    g = LCNGeometry.of(x.shape, size, sigma, border, floor)
    y, saved = kernels.pick_for("local_contrast_norm", x._array, g)(x._array, g)
    return record("local_contrast_norm", y, (x,), geometry=g, saved=saved)


@gradient.rule("local_contrast_norm")
def _lcn(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    (x,), g, saved = node.inputs, node.saved["geometry"], node.saved["saved"]
    if is_recording():
        return _through(lambda t: lcn_composed(t, g, saved), x, gy)
    kernel = kernels.pick_for("local_contrast_norm_vjp", x._array, g)
    return (Tensor(kernel(gy._array, x._array, saved, g)),)


def lcn_composed(x: Tensor, g: LCNGeometry, saved: tuple[np.ndarray, np.ndarray]) -> Tensor:
    """The same formula in Tensor functions; sigma is 0 where `saved` has 0."""
    v = less_local_mean(x, g)
    variance = _blur(mean(v * v, 1, keepdims=True), g)  # (N,1,H,W)
    positive = saved[1][:, None] > 0
    sigma = where(positive, sqrt(where(positive, variance, 1.0)), 0.0)
    c = mean(sigma, (2, 3), keepdims=True)  # (N,1,1,1)
    divisor = where(c._array >= g.floor, c, g.floor)
    return v / where(sigma._array >= divisor._array, sigma, divisor)


def less_local_mean(x: Tensor, g: LCNGeometry) -> Tensor:
    """x (N,C,H,W) minus the blurred mean of its maps: linear in x."""
    return x - _blur(mean(x, 1, keepdims=True), g)


def _blur(x: Tensor, g: LCNGeometry) -> Tensor:
    """(N,1,H,W) blurred along columns, then along rows."""
    window, half = g.window(), g.size // 2
    column = window.reshape(1, 1, -1, 1)  # (s,) -> (1,1,s,1)
    row = window.reshape(1, 1, 1, -1)  # (s,) -> (1,1,1,s)
    blurred = conv2d(x, _constant(column, x), padding=(half, 0))
    blurred = conv2d(blurred, _constant(row, x), padding=(0, half))
    return blurred / _constant(g.coverage(), x) if g.border == "corrected" else blurred


def _constant(values: np.ndarray, x: Tensor) -> Tensor:
    """The values as a tensor of x's type, on x's device."""
    return Tensor(device.like(values.astype(x.dtype), x._array))


def local_response_norm(
    x: Tensor, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0
) -> Tensor:
    """x (N,C,H,W) over (k + alpha / size * the sum of x^2 over `size` channels) ^ beta.

    The window is from c - floor((size-1)/2) to c + ceil((size-1)/2), truncated at both ends, and
    alpha is divided by `size`: ONNX's definition, and for odd sizes PyTorch's, whose default k is
    1. Squares are of x's type: where their sum over the window passes its largest number (|x| from
    8e18 on in float32, 6e153 in float64, for a window of 5), y is 0.
    """
    arguments.tensor(x, "local_response_norm", "x")
    g = LRNGeometry.of(x.shape, size, alpha, beta, k)
    y = kernels.pick_for("local_response_norm", x._array, g)(x._array, g)
    return record("local_response_norm", y, (x,), geometry=g)


@gradient.rule("local_response_norm")
def _lrn(node: Node, gy: Tensor, needs: Needs) -> tuple[Tensor]:
    (x,), g = node.inputs, node.saved["geometry"]
    if is_recording():
        return _through(lambda t: lrn_composed(t, g), x, gy)
    kernel = kernels.pick_for("local_response_norm_vjp", x._array, g)
    return (Tensor(kernel(gy._array, x._array, g)),)


def lrn_composed(x: Tensor, g: LRNGeometry) -> Tensor:
    """The same formula in Tensor functions: the sum over channels is a 1x1 convolution."""
    offset = np.arange(g.C)[None, :] - np.arange(g.C)[:, None]  # (C,C): input minus output channel
    band = (offset >= -((g.size - 1) // 2)) & (offset <= g.size // 2)
    sums = conv2d(x * x, _constant(band[:, :, None, None], x))  # (C,C,1,1)
    return x * (sums * (g.alpha / g.size) + g.k) ** -g.beta


def _through(function: Callable[[Tensor], Tensor], x: Tensor, gy: Tensor) -> tuple[Tensor]:
    """gy propagated through `function` at x, on the tape.

    x has a history of its own; with `inputs=(x,)` the backward pass stops at x.
    """
    return backward(function(x), gy, inputs=(x,), create_graph=True)  # type: ignore[return-value]
