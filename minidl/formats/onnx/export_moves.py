"""Exporters of layers that move elements, resize planes and standardise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import nn
from minidl.formats.onnx.writing import Writer, Writing, plain
from minidl.functional import interpolation, padding, resizing
from minidl.functional.taps import Taps

LAST = 2**63 - 1
PADS = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}
"""ONNX's names of PyTorch's modes; "wrap" is in opset 19."""
PLAIN_COORDINATES = {
    "half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize",
}  # fmt: skip
"""What opset 17 can express."""


def _integers(writing: Writing, name: str, values: Sequence[int]) -> str:
    return writing.constant(name, np.array(values, np.int64))


def _reshape(writing: Writing, name: str, layer: nn.Reshape, inputs: Sequence[str]) -> None:
    """0 is the batch's size, and -1 what is left: a multiple of it."""
    settings = layer.settings
    sizes, target = list(settings["shape"]), settings["target"]
    if settings["rows"] != (1, 1) or settings["source"] or target:
        if not settings["source"] and not target:
            sizes = list(writing.shapes[name])
        if -1 in sizes:
            raise ValueError(f"layer {name!r}: -1 in {sizes} beside the batch cannot be written")
        sizes.insert(target, -1)
    else:
        sizes.insert(0, 0)
    writing.node("Reshape", name, [*inputs, _integers(writing, f"{name}.shape", sizes)])


def _slice(writing: Writing, name: str, layer: nn.Slice, inputs: Sequence[str]) -> None:
    s = layer.settings
    ends = [
        (LAST if step > 0 else -LAST) if stop is None else stop
        for stop, step in zip(s["stops"], s["steps"], strict=True)
    ]
    values = {"starts": s["starts"], "ends": ends, "axes": s["dims"], "steps": s["steps"]}
    constants = [_integers(writing, f"{name}.{key}", value) for key, value in values.items()]
    writing.node("Slice", name, [*inputs, *constants])


def _gather(writing: Writing, name: str, layer: nn.Gather, inputs: Sequence[str]) -> None:
    indices = _integers(writing, f"{name}.indices", layer.settings["indices"])
    writing.node("Gather", name, [*inputs, indices], axis=layer.settings["axis"])


def _expand(writing: Writing, name: str, layer: nn.Expand, inputs: Sequence[str]) -> None:
    """A size of 1 keeps the input's."""
    sizes = [max(size, 1) if size else 0 for size in layer.settings["sizes"]]
    writing.node("Expand", name, [*inputs, _integers(writing, f"{name}.sizes", sizes)])


def _repeat(writing: Writing, name: str, layer: nn.Repeat, inputs: Sequence[str]) -> None:
    (x,), sizes = inputs, layer.settings["sizes"]
    fresh = len(sizes) - 1 - len(writing.shapes[x])
    if fresh:
        axes = _integers(writing, f"{name}.axes", range(fresh))
        writing.node("Unsqueeze", f"{name}.longer", [x, axes])
        x = f"{name}.longer"
    writing.node("Tile", name, [x, _integers(writing, f"{name}.repeats", sizes)])


def _taken(writing: Writing, name: str, x: str, steps: Sequence[tuple[int, np.ndarray]]) -> None:
    """The positions along each axis in turn, as `name`."""
    for at, (axis, places) in enumerate(steps, start=1):
        indices = _integers(writing, f"{name}.places{axis}", places.tolist())
        last = name if at == len(steps) else f"{name}.axis{axis}"
        writing.node("Gather", last, [x, indices], axis=axis)
        x = last
    if not steps:
        writing.node("Identity", name, [x])


def _roll(writing: Writing, name: str, layer: nn.Roll, inputs: Sequence[str]) -> None:
    (x,), shape = inputs, (0, *writing.shapes[name])
    steps = []
    for shift, dim in zip(layer.settings["shifts"], layer.settings["dims"], strict=True):
        axis = dim % len(shape)
        _check_behind_batch(name, axis)
        steps.append((axis, (np.arange(shape[axis]) - shift) % max(shape[axis], 1)))
    _taken(writing, name, x, steps)


def _pad(writing: Writing, name: str, layer: nn.Pad, inputs: Sequence[str]) -> None:
    (x,), s = inputs, layer.settings
    shape = (1, *writing.shapes[x])
    pairs = list(zip(s["pad"][::2], s["pad"][1::2], strict=True))[::-1]
    pads = [(0, 0)] * (len(shape) - len(pairs)) + pairs
    if s["mode"] == "constant" or (s["mode"] in PADS and min(s["pad"], default=0) >= 0):
        flat = [before for before, _ in pads] + [after for _, after in pads]
        value = writing.constant(f"{name}.value", np.array(s["value"], np.float32))
        takes = [x, _integers(writing, f"{name}.pads", flat), value]
        writing.node("Pad", name, takes, mode=PADS[s["mode"]])
        return
    steps = [
        (axis, padding.sources(shape[axis], pair, s["mode"], shape))
        for axis, pair in enumerate(pads)
        if pair != (0, 0)
    ]
    for axis, _ in steps:
        _check_behind_batch(name, axis)
    _taken(writing, name, x, steps)


def _check_behind_batch(name: str, axis: int) -> None:
    if axis == 0:
        raise ValueError(f"layer {name!r} moves images of a batch, which ONNX cannot express here")


def _resize(writing: Writing, name: str, layer: nn.Resize, inputs: Sequence[str]) -> None:
    """Resize of opset 17, or a product with each axis's matrix where that has not the setting."""
    (x,), s = inputs, layer.settings
    shape = (1, *writing.shapes[x])
    plan = resizing.plan(shape, np.dtype(np.float32), s)
    expressed = s["coordinate_transformation_mode"] in PLAIN_COORDINATES
    if not expressed or s["antialias"] or s["keep_aspect_ratio_policy"] != "stretch":
        _multiplied(writing, name, x, len(shape), plan.axes, plan.matrices)
        return
    attributes = {
        key: s[key]
        for key in ("mode", "coordinate_transformation_mode", "nearest_mode", "cubic_coeff_a")
    }
    roi, scales = [0.0] * len(shape) + [1.0] * len(shape), [1.0] * len(shape)
    lengths = list(shape)
    for axis, stretch in zip(plan.axes, plan.stretches, strict=True):
        scales[axis], lengths[axis] = stretch.scale, stretch.length
        roi[axis], roi[len(shape) + axis] = stretch.start, stretch.end
    region = writing.constant(f"{name}.roi", np.array(roi, np.float32))
    if s["scales"] is None:
        scales = [_factor(n, m) for n, m in zip(shape, lengths, strict=True)]
    factors = writing.constant(f"{name}.scales", np.array(scales, np.float32))
    writing.node(
        "Resize", name, [x, region, factors], **attributes,
        exclude_outside=int(s["exclude_outside"]), extrapolation_value=s["extrapolation_value"],
    )  # fmt: skip


def _factor(size: int, length: int) -> float:
    """The scale in float32 by which floor(size * scale) is `length`."""
    scale = np.float32(length) / np.float32(max(size, 1))
    while size and np.floor(np.float32(size) * scale) < length:
        scale = np.nextafter(scale, np.float32(np.inf))
    return float(scale)


def _upsample(writing: Writing, name: str, layer: nn.Upsample, inputs: Sequence[str]) -> None:
    """The product with each axis's matrix: PyTorch's coordinates are none of ONNX's modes."""
    (x,) = inputs
    shape = (1, *writing.shapes[x])
    matrices = interpolation.matrices(shape, np.dtype(np.float32), **layer.settings)
    _multiplied(writing, name, x, len(shape), range(2, len(shape)), matrices)


def _multiplied(
    writing: Writing, name: str, x: str, axes: int, along: Sequence[int], matrices: Sequence[Taps]
) -> None:
    """x times each dense matrix (P,size) along its axis, which is the last one meanwhile."""
    for at, (axis, matrix) in enumerate(zip(along, matrices, strict=True), start=1):
        order = [a for a in range(axes) if a != axis] + [axis]
        weight = writing.constant(f"{name}.matrix{axis}", matrix.dense().astype(np.float32).T)
        last = name if at == len(along) else f"{name}.axis{axis}"
        writing.node("Transpose", f"{name}.before{axis}", [x], perm=order)
        writing.node("MatMul", f"{name}.product{axis}", [f"{name}.before{axis}", weight])
        back = np.argsort(order).tolist()
        writing.node("Transpose", last, [f"{name}.product{axis}"], perm=back)
        x = last


def _space_to_depth(
    writing: Writing, name: str, layer: nn.SpaceToDepth, inputs: Sequence[str]
) -> None:
    b = layer.settings["blocksize"]
    if layer.settings["mode"] == "DCR":
        writing.node("SpaceToDepth", name, inputs, blocksize=b)
        return
    channels, H, W = writing.shapes[name]
    apart = _integers(writing, f"{name}.apart", [0, channels // b // b, H, b, W, b])
    together = _integers(writing, f"{name}.shape", [0, channels, H, W])
    writing.node("Reshape", f"{name}.blocks", [*inputs, apart])
    writing.node("Transpose", f"{name}.moved", [f"{name}.blocks"], perm=[0, 1, 3, 5, 2, 4])
    writing.node("Reshape", name, [f"{name}.moved", together])


def _constant(writing: Writing, name: str, layer: nn.Constant, inputs: Sequence[str]) -> None:
    weight = writing.constant(f"{name}.weight", layer.weight.data)
    rest = _integers(writing, f"{name}.sizes", layer.weight.shape[1:])
    writing.node("Shape", f"{name}.batch", inputs, start=0, end=1)
    writing.node("Concat", f"{name}.shape", [f"{name}.batch", rest], axis=0)
    writing.node("Expand", name, [weight, f"{name}.shape"])


def _scales(writing: Writing, name: str, layer: Any, shape: Sequence[int]) -> list[str]:
    """Weight and bias as constants, ones and zeros where the layer has none."""
    found = []
    for key, array, value in (("weight", layer.weight, 1), ("bias", layer.bias, 0)):
        data = np.full(shape, value, np.float32) if array is None else array.data
        found.append(writing.constant(f"{name}.{key}", data))
    return found


def _layer_norm(writing: Writing, name: str, layer: nn.LayerNorm, inputs: Sequence[str]) -> None:
    shape, eps = layer.settings["normalized_shape"], layer.settings["eps"]
    takes = [*inputs, *_scales(writing, name, layer, shape)]
    writing.node("LayerNormalization", name, takes, axis=-len(shape), epsilon=eps)


def _instance_norm(
    writing: Writing, name: str, layer: nn.InstanceNorm2d, inputs: Sequence[str]
) -> None:
    s = layer.settings
    takes = [*inputs, *_scales(writing, name, layer, (s["num_features"],))]
    writing.node("InstanceNormalization", name, takes, epsilon=s["eps"])


def _group_norm(writing: Writing, name: str, layer: nn.GroupNorm, inputs: Sequence[str]) -> None:
    """Instance normalisation of the groups, as PyTorch's exporter writes it; then the scale."""
    s, shape = layer.settings, writing.shapes[name]
    groups = s["num_groups"]
    apart = _integers(writing, f"{name}.groups", [0, groups, -1])
    together = _integers(writing, f"{name}.shape", [0, *shape])
    ones = writing.constant(f"{name}.ones", np.ones(groups, np.float32))
    zeros = writing.constant(f"{name}.zeros", np.zeros(groups, np.float32))
    along = (-1, *(1,) * (len(shape) - 1))
    weight, bias = layer.weight, layer.bias
    C = s["num_channels"]
    scale = np.ones(C, np.float32) if weight is None else weight.data
    shift = np.zeros(C, np.float32) if bias is None else bias.data
    writing.node("Reshape", f"{name}.apart", [*inputs, apart])
    writing.node(
        "InstanceNormalization", f"{name}.same", [f"{name}.apart", ones, zeros], epsilon=s["eps"]
    )
    writing.node("Reshape", f"{name}.together", [f"{name}.same", together])
    # (C,) -> (C,1,...)
    scaled = [f"{name}.together", writing.constant(f"{name}.weight", scale.reshape(along))]
    writing.node("Mul", f"{name}.scaled", scaled)
    shifted = [f"{name}.scaled", writing.constant(f"{name}.bias", shift.reshape(along))]
    writing.node("Add", name, shifted)  # (C,) -> (C,1,...)


MOVING: dict[type[nn.Module], Writer] = {
    nn.Reshape: _reshape,
    nn.Transpose: plain("Transpose", perm="axes"),
    nn.Slice: _slice,
    nn.Gather: _gather,
    nn.Expand: _expand,
    nn.Repeat: _repeat,
    nn.Roll: _roll,
    nn.Pad: _pad,
    nn.Resize: _resize,
    nn.Upsample: _upsample,
    nn.DepthToSpace: plain("DepthToSpace", blocksize="blocksize", mode="mode"),
    nn.SpaceToDepth: _space_to_depth,
    nn.Constant: _constant,
    nn.LayerNorm: _layer_norm,
    nn.GroupNorm: _group_norm,
    nn.InstanceNorm2d: _instance_norm,
}
"""The exporter of each kind of layer."""
