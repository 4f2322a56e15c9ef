"""Export of a graph of layers as an ONNX file, which is checked before it replaces an older one.

Opset 17: old enough for every runtime of the last years, and the last one in which ReduceMean has
its axes as an attribute. The batch's axis is symbolic, "N".
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kernels.contract.arguments import Pair, pads, pair
from kernels.contract.norm_geometry import LCNGeometry
from minidl import nn, serialize
from minidl.formats.onnx.export_elements import ELEMENTS
from minidl.formats.onnx.export_moves import MOVING
from minidl.formats.onnx.export_shapes import SHAPES
from minidl.formats.onnx.export_trained import TRAINED
from minidl.formats.onnx.writing import Writer, Writing, plain
from minidl.recording import no_grad
from minidl.tensor import Tensor

OPSET = 17
IR_VERSION = 8
IMAGE, RESULT = "image", "scores"


def save_onnx(
    model: nn.Graph,
    path: str | os.PathLike[str],
    input_shape: tuple[int, int, int],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a network for images (N, *input_shape) to an ONNX file, in inference.

    metadata: text for ONNX's metadata_props.
    ImportError without the package onnx; TypeError for a kind of layer without an exporter here;
    ValueError if the network does not take such images, or normalises by a batch's statistics.
    """
    import onnx
    from onnx import helper, numpy_helper

    _require_eval(model)
    shapes = _shapes(model, input_shape)
    writing, given = Writing(shapes), {nn.INPUT: IMAGE}
    below = model.below(model.output)
    for name, layer in model.children():
        if name in below:
            given[name] = RESULT if name == model.output else name
            inputs = [given[source] for source in model.wiring()[name]]
            _writer(name, layer)(writing, given[name], layer, inputs)
    graph = helper.make_graph(
        writing.nodes,
        "minidl",
        [_value(IMAGE, input_shape)],
        [_value(RESULT, shapes[RESULT])],
        [numpy_helper.from_array(array, name) for name, array in writing.constants.items()],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    file = helper.make_model(
        graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="minidl"
    )
    helper.set_model_props(file, dict(metadata or {}))
    onnx.checker.check_model(file, full_check=True)
    with serialize.replacing(path) as beside:
        beside.write_bytes(file.SerializeToString())


def _require_eval(model: nn.Graph) -> None:
    """ValueError for a batch normalisation that would use the statistics of a batch."""
    for name, layer in model.named_children():
        if isinstance(layer, nn.BatchNorm2d) and (layer.training or layer.running_mean is None):
            raise ValueError(
                f"layer {name!r}, a {type(layer).__name__}, normalises by the statistics of each "
                "batch; a file has fixed ones: call eval() first, of a layer that tracks them"
            )


def _shapes(model: nn.Graph, input_shape: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """The shape of every layer's output for one image, without the batch axis."""
    with no_grad():
        found = model.activations(Tensor(np.zeros((1, *input_shape), np.float32)))
    shapes = {name: y.shape[1:] for name, y in found.items()}
    return shapes | {RESULT: shapes[model.output], IMAGE: tuple(input_shape)}


def _value(name: str, shape: Sequence[int]) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])


def _writer(name: str, layer: nn.Module) -> Writer:
    if type(layer) not in WRITERS:
        raise TypeError(
            f"layer {name!r}, a {type(layer).__name__}, cannot be written to ONNX; "
            f"{', '.join(sorted(kind.__name__ for kind in WRITERS))} can"
        )
    return WRITERS[type(layer)]


def _weights(writing: Writing, name: str, layer: Any) -> list[str]:
    """The layer's arrays as constants, named as in `state_dict`."""
    found = [writing.constant(f"{name}.weight", layer.weight.data)]
    if layer.bias is not None:
        found.append(writing.constant(f"{name}.bias", layer.bias.data))
    return found


def _window(settings: Mapping[str, Any], size: Pair, dilated: bool = True) -> dict[str, Any]:
    top, bottom, left, right = pads(settings.get("padding", 0))
    sizes = list(pair(size, "size"))
    stride = settings.get("stride", 1)
    found: dict[str, Any] = {
        "kernel_shape": sizes,
        "strides": sizes if stride is None else list(pair(stride, "stride")),
        "pads": [top, left, bottom, right],
    }
    if dilated:
        found["dilations"] = list(pair(settings.get("dilation", 1), "dilation"))
    return found


def _conv(writing: Writing, name: str, layer: nn.Conv2d, inputs: Sequence[str]) -> None:
    window = _window(layer.settings, layer.weight.shape[2:])
    group = layer.settings.get("groups", 1)
    writing.node("Conv", name, [*inputs, *_weights(writing, name, layer)], **window, group=group)


def _transposed(
    writing: Writing, name: str, layer: nn.ConvTranspose2d, inputs: Sequence[str]
) -> None:
    window = _window(layer.settings, layer.weight.shape[2:])
    more = list(pair(layer.settings.get("output_padding", 0), "output_padding", least=0))
    group = layer.settings.get("groups", 1)
    weights = _weights(writing, name, layer)
    writing.node(
        "ConvTranspose", name, [*inputs, *weights], **window, group=group, output_padding=more
    )


def _linear(writing: Writing, name: str, layer: nn.Linear, inputs: Sequence[str]) -> None:
    """A matrix times the weight; with more axes, of tokens for example, a product and a sum."""
    if len(writing.shapes[inputs[0]]) == 1:
        writing.node("Gemm", name, [*inputs, *_weights(writing, name, layer)], transB=1)
        return
    weight = writing.constant(f"{name}.weight", layer.weight.data.T)  # (K,F) -> (F,K)
    last = name if layer.bias is None else f"{name}.product"
    writing.node("MatMul", last, [*inputs, weight])
    if layer.bias is not None:
        bias = writing.constant(f"{name}.bias", layer.bias.data)
        writing.node("Add", name, [last, bias])


def _max_pool(writing: Writing, name: str, layer: nn.MaxPool2d, inputs: Sequence[str]) -> None:
    window = _window(layer.settings, layer.settings["kernel_size"])
    writing.node("MaxPool", name, inputs, **window, ceil_mode=int(layer.settings["ceil_mode"]))


def _avg_pool(writing: Writing, name: str, layer: nn.AvgPool2d, inputs: Sequence[str]) -> None:
    settings = layer.settings
    window = _window(settings, settings["kernel_size"], dilated=False)
    writing.node(
        "AveragePool", name, inputs, **window, ceil_mode=int(settings.get("ceil_mode", False)),
        count_include_pad=int(settings.get("count_include_pad", True)),
    )  # fmt: skip


def _response(
    writing: Writing, name: str, layer: nn.LocalResponseNorm, inputs: Sequence[str]
) -> None:
    s = layer.settings
    writing.node("LRN", name, inputs, size=s["size"], alpha=s["alpha"], beta=s["beta"], bias=s["k"])


def _affine(writing: Writing, name: str, layer: nn.Affine, inputs: Sequence[str]) -> None:
    C = layer.weight.size
    mean, variance = (
        writing.constant(f"{name}.{what}", np.full(C, value, np.float32))
        for what, value in (("running_mean", 0.0), ("running_var", 1.0))
    )
    takes = [*inputs, *_weights(writing, name, layer), mean, variance]
    writing.node("BatchNormalization", name, takes, epsilon=0.0)


def _batch_norm(writing: Writing, name: str, layer: nn.BatchNorm2d, inputs: Sequence[str]) -> None:
    assert layer.running_mean is not None and layer.running_var is not None
    C = layer.num_features
    given = {"weight": layer.weight, "bias": layer.bias}
    arrays = {
        what: np.full(C, what == "weight", np.float32) if value is None else value.data
        for what, value in given.items()
    } | {"running_mean": layer.running_mean.data, "running_var": layer.running_var.data}
    takes = [writing.constant(f"{name}.{what}", array) for what, array in arrays.items()]
    writing.node("BatchNormalization", name, [*inputs, *takes], epsilon=layer.eps)


def _pixels(writing: Writing, name: str, layer: nn.Pixels, inputs: Sequence[str]) -> None:
    """A 1x1 convolution: each output channel is one input channel times its scale."""
    order, scale = layer.settings["order"], layer.settings["scale"]
    weight = np.zeros((len(order), len(order), 1, 1), np.float32)
    weight[np.arange(len(order)), order, 0, 0] = scale
    writing.node("Conv", name, [*inputs, writing.constant(f"{name}.weight", weight)])


def _contrast(
    writing: Writing, name: str, layer: nn.LocalContrastNorm, inputs: Sequence[str]
) -> None:
    """The formula of `minidl.functional.local_contrast_norm`, one operator per line."""
    (x,), add = inputs, writing.node
    g = LCNGeometry.of((1, *writing.shapes[name]), **layer.settings)
    v, variance, sigma, c = (f"{name}.{part}" for part in ("v", "variance", "sigma", "c"))
    add("ReduceMean", f"{name}.mean", [x], axes=[1])
    add("Sub", v, [x, _blurred(writing, f"{name}.local_mean", f"{name}.mean", g)])
    add("Mul", f"{name}.squares", [v, v])
    add("ReduceMean", f"{name}.mean_square", [f"{name}.squares"], axes=[1])
    add("Sqrt", sigma, [_blurred(writing, variance, f"{name}.mean_square", g)])
    add("ReduceMean", f"{name}.whole", [sigma], axes=[2, 3])
    floor = writing.constant(f"{name}.floor", np.array(g.floor, np.float32))
    add("Max", c, [f"{name}.whole", floor])
    add("Max", f"{name}.divisor", [sigma, c])
    add("Div", name, [v, f"{name}.divisor"])


def _blurred(writing: Writing, name: str, of: str, g: LCNGeometry) -> str:
    """(N,1,H,W) blurred along columns, then along rows, over the window's weight in the plane."""
    window, half = g.window().astype(np.float32), g.size // 2
    column = writing.constant(
        f"{name}.column_window", window.reshape(1, 1, -1, 1)
    )  # (s,) -> (1,1,s,1)
    row = writing.constant(f"{name}.row_window", window.reshape(1, 1, 1, -1))  # (s,) -> (1,1,1,s)
    corrected = g.border == "corrected"
    last = f"{name}.sums" if corrected else name
    writing.node("Conv", f"{name}.columns", [of, column], pads=[half, 0, half, 0])
    writing.node("Conv", last, [f"{name}.columns", row], pads=[0, half, 0, half])
    if corrected:
        inside = writing.constant(f"{name}.inside", g.coverage().astype(np.float32))
        writing.node("Div", name, [last, inside])
    return name


def _prelu(writing: Writing, name: str, layer: nn.PReLU, inputs: Sequence[str]) -> None:
    slopes = layer.weight.data.reshape(-1, 1, 1)  # (C,) -> (C,1,1)
    writing.node("PRelu", name, [*inputs, writing.constant(f"{name}.weight", slopes)])


def _clip(writing: Writing, name: str, layer: nn.Clip, inputs: Sequence[str]) -> None:
    ends = [
        writing.constant(f"{name}.{end}", np.array(layer.settings[end], np.float32))
        for end in ("low", "high")
    ]
    writing.node("Clip", name, [*inputs, *ends])


WRITERS: dict[type[nn.Module], Writer] = {
    nn.Conv2d: _conv,
    nn.ConvTranspose2d: _transposed,
    nn.Linear: _linear,
    nn.MaxPool2d: _max_pool,
    nn.AvgPool2d: _avg_pool,
    nn.LocalResponseNorm: _response,
    nn.Affine: _affine,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.LocalContrastNorm: _contrast,
    nn.Pixels: _pixels,
    nn.PReLU: _prelu,
    nn.Clip: _clip,
    nn.ReLU: plain("Relu"),
    nn.LeakyReLU: plain("LeakyRelu", alpha="slope"),
    nn.Sigmoid: plain("Sigmoid"),
    nn.Tanh: plain("Tanh"),
    nn.Softmax: plain("Softmax", axis="axis"),
    nn.Add: plain("Sum"),
    nn.Concatenate: plain("Concat", axis="axis"),
    nn.Flatten: plain("Flatten"),
    nn.GlobalAvgPool2d: plain("GlobalAveragePool"),
    nn.GlobalMaxPool2d: plain("GlobalMaxPool"),
    nn.Identity: plain("Identity"),
    nn.Dropout: plain("Identity"),
    **ELEMENTS,
    **MOVING,
    **TRAINED,
    **SHAPES,
}
"""The exporter of each kind of layer."""
