"""Converters of convolutions with constant weights."""

from __future__ import annotations

import numpy as np

from minidl import nn
from minidl.formats.onnx.call import Call, operator
from minidl.formats.onnx.windows import (
    Four,
    Window,
    brief,
    check_size,
    padding,
    pads,
    split,
    two,
    window,
)


@operator("Conv")
def conv(call: Call) -> nn.Module:
    """x (N,C,H,W) with weight (K,C/groups,R,S), as ours."""
    weight = _filters(call)
    w = window(call, weight.shape[2:])
    return nn.Conv2d.of(
        weight,
        _bias(call),
        stride=brief(w.stride),
        padding=brief(padding(call, w)),
        dilation=brief(w.dilation),
        groups=call["group"],
    )


@operator("ConvTranspose")
def conv_transpose(call: Call) -> nn.Module:
    """x (N,K,P,Q) with weight (K,C/groups,R,S), as ours."""
    weight = _filters(call)
    w = window(call, weight.shape[2:])
    extra = two(call["output_padding"] or (0, 0), "output_padding")
    check_size(weight.shape[1] * call["group"], *_whole(call, w, extra))
    return nn.ConvTranspose2d.of(
        weight,
        _bias(call),
        stride=brief(w.stride),
        padding=brief(_cropping(call, w, extra)),
        output_padding=brief(extra),
        dilation=brief(w.dilation),
        groups=call["group"],
    )


def _cropping(call: Call, w: Window, extra: tuple[int, int]) -> Four:
    """The cropping of the output: the node's pads, or those that give the requested size."""
    auto, output = call["auto_pad"], call["output_shape"]
    if output is None and not auto.startswith("SAME"):
        return pads(call) if auto == "NOTSET" else (0, 0, 0, 0)
    P, Q = call.planes[2:]
    wanted = two(output or (P * w.stride[0], Q * w.stride[1]), "output_shape")
    totals = [all_ - size for all_, size in zip(_whole(call, w, extra), wanted, strict=True)]
    if min(totals) < 0:
        raise ValueError(
            f"its output would be {wanted}, larger than what the window {w.size} with the stride "
            f"{w.stride} reaches from its input {call.shape}"
        )
    return split(totals[0], totals[1], auto == "SAME_UPPER")


def _whole(call: Call, w: Window, extra: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns that the window reaches, before the cropping."""
    P, Q = call.planes[2:]
    rows = (P - 1) * w.stride[0] + w.extent[0] + extra[0]
    return rows, (Q - 1) * w.stride[1] + w.extent[1] + extra[1]


def _filters(call: Call) -> np.ndarray:
    weight = call.weights(1)
    if len(call.shape) == 4:
        call.planes  # noqa: B018  (the images must be in front)
    if weight.ndim != 4 or len(call.shape) != 4:
        raise ValueError(
            f"its input {call.shape} and weight {weight.shape} are not both of four axes; only "
            "convolutions of planes can be imported"
        )
    return weight


def _bias(call: Call) -> np.ndarray | None:
    return call.weights(2) if call.has(2) else None
