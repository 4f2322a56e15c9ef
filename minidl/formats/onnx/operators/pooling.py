"""Converters of pooling, in windows or over whole planes.

With ceil_mode ONNX counts windows as we do (`kernels/contract/geometry.py`): a window that would
begin in the padding after the plane is dropped. An average divides by the taps on the plane and its
padding.
"""

from __future__ import annotations

import math

from minidl import nn
from minidl.formats.onnx.call import Built, Call, operator
from minidl.formats.onnx.operators.arithmetic import number
from minidl.formats.onnx.windows import Four, Window, brief, padding, window


@operator("MaxPool")
def max_pool(call: Call) -> nn.Module:
    w, four = _window(call)
    return nn.MaxPool2d(
        brief(w.size), brief(w.stride), brief(four), brief(w.dilation), bool(call["ceil_mode"])
    )


@operator("AveragePool")
def average_pool(call: Call) -> nn.Module:
    w, four = _window(call)
    if w.dilation != (1, 1):
        raise ValueError(f"dilations {w.dilation}: averages are taken of adjacent pixels only")
    return nn.AvgPool2d(
        brief(w.size),
        brief(w.stride),
        brief(four),
        bool(call["ceil_mode"]),
        bool(call["count_include_pad"]),
    )


def _window(call: Call) -> tuple[Window, Four]:
    w = window(call, call["kernel_shape"])
    if w.dilation != (1, 1) and call["auto_pad"].startswith("SAME"):
        raise ValueError(
            f"auto_pad {call['auto_pad']} with dilations {w.dilation}, which readers of the format "
            "understand in two ways; give pads instead"
        )
    call.planes  # noqa: B018  (only planes are pooled)
    return w, padding(call, w)


@operator("GlobalAveragePool")
def global_average_pool(call: Call) -> nn.Module:
    call.planes  # noqa: B018  (only planes are pooled)
    return nn.GlobalAvgPool2d()


@operator("GlobalLpPool")
def global_lp_pool(call: Call) -> Built:
    """The p-norm of each plane."""
    call.planes  # noqa: B018  (only planes are pooled)
    return _norm(call["p"], nn.Sum([2, 3], True))


@operator("LpPool")
def lp_pool(call: Call) -> Built:
    """The p-norm of each window: the mean of |x|^p over the window and its padding, times its
    taps."""
    w, four = _window(call)
    if w.dilation != (1, 1) or call["ceil_mode"]:
        raise ValueError(
            f"dilations {w.dilation}, ceil_mode {call['ceil_mode'] or 0}: norms are taken of "
            "adjacent pixels, in windows that end in the plane"
        )
    mean = nn.AvgPool2d(brief(w.size), brief(w.stride), brief(four), False, True)
    return _norm(call["p"], mean, nn.Scale(number(math.prod(w.size))))


def _norm(p: int, *sums: nn.Module) -> tuple[nn.Module, ...]:
    """(the sum of |x|^p)^(1/p)."""
    if p < 1:
        raise ValueError(f"p is {p}; a norm has 1 or more")
    if p == 1:
        return (nn.Absolute(), *sums)
    root = nn.Sqrt() if p == 2 else nn.Power(1 / p)
    first = () if p % 2 == 0 else (nn.Absolute(),)
    return (*first, nn.Power(float(p)), *sums, root)


@operator("GlobalMaxPool")
def global_max_pool(call: Call) -> nn.Module:
    call.planes  # noqa: B018  (only planes are pooled)
    return nn.GlobalMaxPool2d()
