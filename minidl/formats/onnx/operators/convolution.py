"""Converters of convolutions and matrix products with constant weights."""

from __future__ import annotations

import numpy as np

from minidl import nn
from minidl.formats.onnx.call import Built, Call, Steps, operator
from minidl.formats.onnx.joining import aligned, sources
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


@operator("Gemm")
def gemm(call: Call) -> nn.Module:
    """alpha x B + beta C, with x (N,F), B (F,K) or its transpose, C broadcast to (N,K)."""
    if call["transA"]:
        raise ValueError("transA=1 would mix the images of a batch")
    if len(call.shape) != 2:
        raise ValueError(f"its input {call.shape} has not the two axes (N, F)")
    call.axis(1)
    weight = _times(call["alpha"], _matrix(call))
    weight = weight if call["transB"] else weight.T  # (F,K) -> (K,F)
    # A beta of 0 leaves C out, as in BLAS and ONNX Runtime, even where it holds NaN.
    added = call.has(2) and call["beta"] != 0
    bias = _times(call["beta"], _row(call, weight.shape[0])) if added else None
    return nn.Linear.of(np.ascontiguousarray(weight), bias)


@operator("MatMul")
def matmul(call: Call) -> Built:
    """Of x (...,F) and a constant (F,K), or of two activations (...,M,F) and (...,F,K)."""
    constant = call.inputs[1]
    if isinstance(constant, np.ndarray) and constant.ndim == 2:
        call.axis(-1)
        return nn.Linear.of(np.ascontiguousarray(call.weights(1).T))  # (F,K) -> (K,F)
    shapes = [value.shape for value in call.inputs if value is not None]
    if min(map(len, shapes)) < 2:
        raise ValueError(f"its inputs {shapes} are not both of two axes or more")
    batch, values = aligned(call)
    for value in call.activations:
        value.place(-1)
        value.place(-2)
    return Steps((nn.MatMul(),), sources(values), batch)


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


def _matrix(call: Call) -> np.ndarray:
    matrix = call.weights(1)
    if matrix.ndim != 2:
        raise ValueError(f"its weight {matrix.shape} is no matrix")
    return matrix


def _row(call: Call, outputs: int) -> np.ndarray:
    """Gemm's C as (K,): the same for every image."""
    row = call.weights(2)
    if row.ndim > 2 or row.shape[:-1] not in ((), (1,)) or row.size not in (1, outputs):
        raise ValueError(f"its bias {row.shape} is not one row of {outputs} for all images")
    return np.broadcast_to(row.ravel(), (outputs,)).copy()  # one axis or two -> (K,)


def _times(factor: float, array: np.ndarray) -> np.ndarray:
    """factor times array; the array itself, which may be large, for a factor of 1."""
    return array if factor == 1 else array * np.float32(factor)
