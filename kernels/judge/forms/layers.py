"""Layers of a PyTorch module in their order, read by `torch.fx` and described as data."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kernels.judge.forms.calls import ARRAYS, Said, axes


def described(model: Any) -> list[Said]:
    """The layers of a module in their order; ValueError names what is none, or no chain."""
    return read(__import__("torch.fx", fromlist=["fx"]).symbolic_trace(model).graph, model)


def read(graph: Any, model: Any = None) -> list[Said]:
    """The layers of a traced graph in their order; model: the module that was traced, if one was.

    A chain begins at the first input; other inputs are weights.
    """
    steps: list[Said] = []
    last, inputs = None, []
    for node in graph.nodes:
        if node.op == "placeholder":
            inputs.append(node)
            last = last or node
        elif node.op == "get_attr":
            continue
        elif node.op == "output":
            if node.args[0] is not last:
                raise ValueError("the result is not that of the last layer")
        else:
            step = _step(model, node, last, inputs)
            steps += [] if step is None else [step]
            last = node
    return steps


def sized(steps: Sequence[Said], shapes: Mapping[str, Sequence[int]]) -> list[Said]:
    """The steps with the sizes of windows whose weights are inputs, of these shapes."""
    for step in steps:
        if step["settings"].get("size", ()) is None:
            step["settings"]["size"] = list(shapes[step["weights"]["weight"]][2:])
    return list(steps)


def _step(model: Any, node: Any, last: Any, inputs: Sequence[Any]) -> Said | None:
    name = str(node.target if node.op != "call_function" else getattr(node.target, "__name__", ""))
    if node.op == "call_module":
        layer = model.get_submodule(node.target)
        name = type(layer).__name__
        read_layer = LAYERS.get(name)
        if read_layer is not None and node.args[:1] == (last,):
            return read_layer(layer, node.target)
    elif (read_function := FUNCTIONS.get(name)) is not None and last in node.args[:2]:
        return read_function(model, node, last, inputs)
    known = ", ".join(sorted({*LAYERS, *FUNCTIONS}))
    whose = "ref_kernel" if model is None else "Model"
    raise ValueError(f"{whose} has {name} there, and the judge knows chains of {known}")


def _said(kind: str, weights: Mapping[str, str] | None = None, **settings: Any) -> Said:
    return {"kind": kind, "settings": settings, "weights": dict(weights or {})}


def _named(layer: Any, target: str, *names: str) -> dict[str, str]:
    return {n: f"{target}.{n}" for n in names if getattr(layer, n, None) is not None}


def _conv(layer: Any, target: str) -> Said:
    n = layer.weight.ndim - 2
    if layer.padding_mode != "zeros" or isinstance(layer.padding, str):
        raise ValueError(f"padding {layer.padding!r} of mode {layer.padding_mode!r} is not read")
    settings: Said = {
        "size": list(layer.weight.shape[2:]),
        "stride": axes(layer.stride, n),
        "padding": axes(layer.padding, n),
        "dilation": axes(layer.dilation, n),
        "groups": layer.groups,
    }
    if layer.transposed:
        more = axes(layer.output_padding, n)
        return _said("conv_transpose", _named(layer, target, "weight", "bias"),
                     output_padding=more, **settings)  # fmt: skip
    return _said("conv", _named(layer, target, "weight", "bias"), **settings)


def _pool(count: int, kind: str) -> Callable[[Any, str], Said]:
    def read(layer: Any, target: str) -> Said:
        if layer.ceil_mode:
            raise ValueError("ceil_mode of a pooling is not read")
        size = axes(layer.kernel_size, count)
        stride = layer.kernel_size if layer.stride is None else layer.stride
        settings: Said = {
            "size": size,
            "stride": axes(stride, count),
            "padding": axes(layer.padding, count),
            "dilation": axes(getattr(layer, "dilation", 1), count),
            "groups": 1,
        }
        counts: Said = {"count_include_pad": layer.count_include_pad} if kind == "avg_pool" else {}
        return _said(kind, **settings, **counts)

    return read


def _global(layer: Any, target: str) -> Said:
    sizes = layer.output_size if isinstance(layer.output_size, tuple) else (layer.output_size,)
    if set(sizes) != {1}:
        raise ValueError(f"adaptive pooling to {layer.output_size} is not read, only to 1")
    return _said("global_avg_pool")


def _batch_norm(layer: Any, target: str) -> Said:
    training = bool(layer.training or layer.running_mean is None)
    names = ("weight", "bias") if training else ("weight", "bias", "running_mean", "running_var")
    return _said("batch_norm", _named(layer, target, *names), eps=layer.eps, training=training)


def _plain(kind: str) -> Callable[[Any, str], Said]:
    return lambda layer, target: _said(kind)


LAYERS: dict[str, Callable[[Any, str], Said | None]] = {
    **{f"Conv{n}d": _conv for n in (1, 2, 3)},
    **{f"ConvTranspose{n}d": _conv for n in (1, 2, 3)},
    **{f"MaxPool{n}d": _pool(n, "max_pool") for n in (1, 2, 3)},
    **{f"AvgPool{n}d": _pool(n, "avg_pool") for n in (1, 2, 3)},
    **{f"AdaptiveAvgPool{n}d": _global for n in (1, 2, 3)},
    **{f"BatchNorm{n}d": _batch_norm for n in (1, 2, 3)},
    "Linear": lambda m, t: _said("linear", _named(m, t, "weight", "bias")),
    "LayerNorm": lambda m, t: _said("layer_norm", _named(m, t, "weight", "bias"), eps=m.eps,
                                    shape=list(m.normalized_shape)),
    "GroupNorm": lambda m, t: _said("group_norm", _named(m, t, "weight", "bias"), eps=m.eps,
                                    groups=m.num_groups),
    "ReLU": _plain("relu"),
    "ReLU6": lambda m, t: _said("hardtanh", low=0.0, high=6.0),
    "Hardtanh": lambda m, t: _said("hardtanh", low=m.min_val, high=m.max_val),
    "LeakyReLU": lambda m, t: _said("leaky_relu", slope=m.negative_slope),
    "Sigmoid": _plain("sigmoid"),
    "Tanh": _plain("tanh"),
    "GELU": lambda m, t: _said("gelu", approximate=m.approximate),
    "SiLU": _plain("silu"),
    "Hardswish": _plain("hardswish"),
    "Softmax": lambda m, t: _said("softmax", axis=-1 if m.dim is None else m.dim),
    "Flatten": lambda m, t: _said("flatten"),
    "Identity": lambda m, t: None,
    "Dropout": lambda m, t: _dropped(m),
}  # fmt: skip


def _dropped(layer: Any) -> None:
    if layer.training and layer.p:
        raise ValueError("Dropout in training is random, and not judged")


def _function(kind: str, **settings: Any) -> Callable[..., Said]:
    return lambda model, node, last, inputs: _said(kind, **settings)


def _with_other(kind: str) -> Callable[..., Said]:
    """A sum or product with a number, or with a parameter of the module."""

    def read(model: Any, node: Any, last: Any, inputs: Sequence[Any]) -> Said:
        other = next(a for a in node.args[:2] if a is not last)
        if isinstance(other, int | float):
            return _said(kind, by=float(other))
        if getattr(other, "op", "") in ("get_attr", "placeholder"):
            return _said(kind, {"other": str(other.target)})
        raise ValueError(f"{node.target} of two results of layers is not read")

    return read


def _less(model: Any, node: Any, last: Any, inputs: Sequence[Any]) -> Said:
    if node.args[0] is not last or not isinstance(node.args[1], int | float):
        raise ValueError("a difference of two results of layers is not read")
    return _said("shift", by=-float(node.args[1]))


def _over(model: Any, node: Any, last: Any, inputs: Sequence[Any]) -> Said:
    if node.args[0] is not last or not isinstance(node.args[1], int | float):
        raise ValueError("a quotient of two results of layers is not read")
    return _said("scale", by=1 / float(node.args[1]))


def _matmul(model: Any, node: Any, last: Any, inputs: Sequence[Any]) -> Said:
    if len(inputs) < 2 or node.args[0] is not inputs[0] or node.args[1] is not inputs[1]:
        raise ValueError("a product of anything but the two inputs is not read")
    return _said("matmul")


FUNCTIONS: dict[str, Callable[..., Said | None]] = {
    **ARRAYS,
    "relu": _function("relu"),
    "sigmoid": _function("sigmoid"),
    "tanh": _function("tanh"),
    "silu": _function("silu"),
    "hardswish": _function("hardswish"),
    "gelu": lambda model, node, last, inputs: _said(
        "gelu", approximate=node.kwargs.get("approximate", "none")
    ),
    "flatten": _function("flatten"),
    operator.add.__name__: _with_other("shift"),
    operator.mul.__name__: _with_other("scale"),
    operator.sub.__name__: _less,
    operator.truediv.__name__: _over,
    **dict.fromkeys(("matmul", "mm", "bmm"), _matmul),
}
