"""Converters of pooling, in windows or over whole planes.

With ceil_mode ONNX counts windows as we do (`kernels/contract/geometry.py`): a window that would
begin in the padding after the plane is dropped. An average divides by the taps on the plane and its
padding.
"""

from __future__ import annotations

from minidl import nn
from minidl.formats.onnx.call import Call, operator
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


@operator("GlobalMaxPool")
def global_max_pool(call: Call) -> nn.Module:
    call.planes  # noqa: B018  (only planes are pooled)
    return nn.GlobalMaxPool2d()
