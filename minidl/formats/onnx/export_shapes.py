"""Exporters of PyTorch's other layers: saturating, gated, padded, shuffled and scaled ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from minidl import nn
from minidl.formats.onnx.export_moves import MOVING
from minidl.formats.onnx.writing import Writer, Writing, plain


def _hardtanh(writing: Writing, name: str, layer: nn.Hardtanh, inputs: Sequence[str]) -> None:
    ends = [
        writing.constant(f"{name}.{end}", np.array(layer.settings[end], np.float32))
        for end in ("min_val", "max_val")
    ]
    writing.node("Clip", name, [*inputs, *ends])


def _log_sigmoid(writing: Writing, name: str, layer: nn.LogSigmoid, inputs: Sequence[str]) -> None:
    """-log(1 + e^-x)."""
    writing.node("Neg", f"{name}.negative", inputs)
    writing.node("Softplus", f"{name}.softplus", [f"{name}.negative"])
    writing.node("Neg", name, [f"{name}.softplus"])


def _glu(writing: Writing, name: str, layer: nn.GLU, inputs: Sequence[str]) -> None:
    """The first half times the sigmoid of the second."""
    from onnx import helper

    parts = [f"{name}.half", f"{name}.gate"]
    split = helper.make_node("Split", inputs, parts, f"{name}.split", axis=layer.settings["dim"])
    writing.nodes.append(split)
    writing.node("Sigmoid", f"{name}.open", [parts[1]])
    writing.node("Mul", name, [parts[0], f"{name}.open"])


def _shape(writing: Writing, name: str, layer: nn.Unflatten, inputs: Sequence[str]) -> None:
    if layer.dim == 0:
        raise ValueError(f"layer {name!r} divides the batch, which ONNX cannot express here")
    sizes = writing.constant(f"{name}.shape", np.array([0, *writing.shapes[name]], np.int64))
    writing.node("Reshape", name, [*inputs, sizes])


def _shuffle(writing: Writing, name: str, layer: nn.PixelShuffle, inputs: Sequence[str]) -> None:
    side = layer.settings["upscale_factor"]
    writing.node("DepthToSpace", name, inputs, blocksize=side, mode="CRD")


def _unshuffle(
    writing: Writing, name: str, layer: nn.PixelUnshuffle, inputs: Sequence[str]
) -> None:
    """(N,C,H r,W r) -> (N,C,H,r,W,r) -> (N,C,r,r,H,W) -> (N,C r r,H,W): SpaceToDepth has another
    order of channels."""
    r, (channels, H, W) = layer.settings["downscale_factor"], writing.shapes[name]
    apart = np.array([0, channels // r // r, H, r, W, r], np.int64)
    together = np.array([0, channels, H, W], np.int64)
    given = [*inputs, writing.constant(f"{name}.apart", apart)]
    writing.node("Reshape", f"{name}.blocks", given)
    writing.node("Transpose", f"{name}.moved", [f"{name}.blocks"], perm=[0, 1, 3, 5, 2, 4])
    moved = [f"{name}.moved", writing.constant(f"{name}.shape", together)]
    writing.node("Reshape", name, moved)


def _rms_norm(writing: Writing, name: str, layer: nn.RMSNorm, inputs: Sequence[str]) -> None:
    """x / sqrt(mean(x^2) + eps) over the last axes, times the weight."""
    (x,), shape, eps = inputs, layer.settings["normalized_shape"], layer.settings["eps"]
    least = np.finfo(np.float32).eps if eps is None else eps
    floor = writing.constant(f"{name}.eps", np.array(least, np.float32))
    scaled = name if layer.weight is None else f"{name}.scaled"
    writing.node("Mul", f"{name}.squares", [x, x])
    axes = list(range(-len(shape), 0))
    writing.node("ReduceMean", f"{name}.mean", [f"{name}.squares"], axes=axes, keepdims=1)
    writing.node("Add", f"{name}.above", [f"{name}.mean", floor])
    writing.node("Sqrt", f"{name}.root", [f"{name}.above"])
    writing.node("Div", scaled, [x, f"{name}.root"])
    if layer.weight is not None:
        weight = writing.constant(f"{name}.weight", layer.weight.data)
        writing.node("Mul", name, [scaled, weight])


SHAPES: Mapping[type[nn.Module], Writer] = {
    nn.SELU: plain("Selu"),
    nn.CELU: plain("Celu", alpha="alpha"),
    nn.Hardtanh: _hardtanh,
    nn.Softsign: plain("Softsign"),
    nn.LogSigmoid: _log_sigmoid,
    nn.GLU: _glu,
    nn.ConstantPad2d: MOVING[nn.Pad],
    nn.ZeroPad2d: MOVING[nn.Pad],
    nn.ReflectionPad2d: MOVING[nn.Pad],
    nn.ReplicationPad2d: MOVING[nn.Pad],
    nn.CircularPad2d: MOVING[nn.Pad],
    nn.UpsamplingNearest2d: MOVING[nn.Upsample],
    nn.UpsamplingBilinear2d: MOVING[nn.Upsample],
    nn.Unflatten: _shape,
    nn.PixelShuffle: _shuffle,
    nn.PixelUnshuffle: _unshuffle,
    nn.RMSNorm: _rms_norm,
}
