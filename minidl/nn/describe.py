"""Descriptions of graphs for JSON, without weights: kinds, settings and wiring; graphs from them.

Only the kinds listed here are ever built, from plain numbers and arrays: nothing in a description
is executed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minidl.nn import (
    activations,
    batch_norm,
    elementary,
    elementwise,
    joins,
    layers,
    moves,
    normalisation,
    operands,
    resizing,
)
from minidl.nn.graph import Graph
from minidl.nn.module import Module
from minidl.nn.tying import tie

Arrays = Mapping[str, np.ndarray]
WEIGHTED: dict[str, Callable[..., Module]] = {
    "Conv2d": layers.Conv2d.of,
    "ConvTranspose2d": layers.ConvTranspose2d.of,
    "Linear": layers.Linear.of,
    "Affine": elementwise.Affine,
    "PReLU": elementwise.PReLU,
    "Scale": operands.Scale,
    "Shift": operands.Shift,
    "Constant": moves.Constant,
    "BatchNorm1d": batch_norm.BatchNorm1d.of,
    "BatchNorm2d": batch_norm.BatchNorm2d.of,
    "LayerNorm": normalisation.LayerNorm.of,
    "GroupNorm": normalisation.GroupNorm.of,
    "InstanceNorm2d": normalisation.InstanceNorm2d.of,
}
"""Kinds that are built from arrays and settings."""
PLAIN: dict[str, type[Module]] = {
    kind.__name__: kind
    for kind in (
        layers.ReLU, layers.MaxPool2d, layers.AvgPool2d, layers.LocalContrastNorm,
        layers.LocalResponseNorm, layers.Flatten, layers.Dropout, elementwise.Pixels,
        elementwise.LeakyReLU, elementwise.Sigmoid, elementwise.Tanh, elementwise.Softmax,
        elementwise.Clip, elementwise.Identity, joins.Add, joins.Concatenate, moves.Reshape,
        moves.Transpose, moves.Slice, moves.Gather, moves.Expand, moves.Repeat, moves.Roll,
        resizing.Pad, resizing.Resize, resizing.Upsample, resizing.DepthToSpace,
        resizing.SpaceToDepth, joins.GlobalAvgPool2d, joins.GlobalMaxPool2d,
        joins.Subtract,
        joins.Multiply, joins.Divide, joins.Maximum, joins.Minimum, joins.MatMul, joins.Where,
        activations.ReLU6, activations.ELU, activations.Softplus, activations.SiLU,
        activations.Mish, activations.GELU, activations.Hardswish, activations.Hardsigmoid,
        activations.LogSoftmax, elementary.Power, elementary.Negate, elementary.Absolute,
        elementary.Reciprocal, elementary.Exp, elementary.Log, elementary.Sqrt, elementary.Erf,
        elementary.Sin, elementary.Cos, elementary.Floor, elementary.Round, elementary.Sign,
        elementary.Sum, elementary.Mean, elementary.Amax, elementary.Amin, elementary.Var,
    )
}  # fmt: skip
"""Kinds that are built from settings alone."""
CONVOLUTION = {"stride", "padding", "dilation", "groups"}
ALLOWED = {
    "Conv2d": CONVOLUTION,
    "ConvTranspose2d": CONVOLUTION | {"output_padding"},
    "Linear": set[str](),
    "Affine": set[str](),
    "PReLU": set[str](),
    "Scale": set[str](),
    "Shift": set[str](),
    "Constant": set[str](),
    "BatchNorm1d": {"num_features", "eps", "momentum"},
    "BatchNorm2d": {"num_features", "eps", "momentum"},
    "LayerNorm": {"normalized_shape", "eps"},
    "GroupNorm": {"num_groups", "num_channels", "eps"},
    "InstanceNorm2d": {"num_features", "eps"},
}
STATISTICS = {"running_mean", "running_var", "num_batches_tracked"}
ARRAYS = {"BatchNorm1d": STATISTICS, "BatchNorm2d": STATISTICS}
"""Arrays that a kind may have beside a weight and a bias."""
OPTIONAL = {"BatchNorm1d", "BatchNorm2d", "LayerNorm", "GroupNorm", "InstanceNorm2d"}
"""Kinds that may have no weight."""


def describe(graph: Graph) -> dict[str, Any]:
    """The graph without its weights; TypeError for a kind of layer that is not listed here."""
    return {
        "output": graph.output,
        "layers": [
            {
                "name": name,
                "kind": _kind(name, layer),
                "settings": _settings(layer),
                "inputs": list(graph.wiring()[name]),
            }
            for name, layer in graph.children()
        ],
    }


def build(described: Mapping[str, Any], arrays: Arrays) -> Graph:
    """The graph of a description by `describe`, with arrays named as in its `state_dict`.

    Names of one array become names of one parameter.
    ValueError for a kind, a setting, an array or an input that does not fit; it names the layer.
    """
    layers, wiring, used = dict[str, Module](), dict[str, list[str]](), set[str]()
    owned: dict[str, dict[str, np.ndarray]] = {}
    for path, array in arrays.items():
        owner, _, parameter = path.rpartition(".")
        owned.setdefault(owner, {})[parameter] = array
    for entry in described["layers"]:
        name, kind = str(entry["name"]), str(entry["kind"])
        own = owned.get(name, {})
        used |= {f"{name}.{parameter}" for parameter in own}
        try:
            layers[name] = _layer(kind, own, dict(entry["settings"]))
        except (TypeError, ValueError) as error:
            raise ValueError(f"layer {name!r} cannot be built: {error}") from None
        wiring[name] = [str(source) for source in entry["inputs"]]
    unknown = sorted(arrays.keys() - used)
    if unknown:
        raise ValueError(f"arrays of no layer: {', '.join(unknown)}")
    graph = Graph(layers, wiring, str(described["output"]))
    tie(graph, arrays)
    return graph


def _kind(name: str, layer: Module) -> str:
    kind = type(layer).__name__
    if kind not in WEIGHTED and kind not in PLAIN:
        raise TypeError(f"layer {name!r} is a {kind}, which cannot be described")
    return kind


def _settings(layer: Module) -> dict[str, Any]:
    if isinstance(layer, layers.Dropout):
        return {"p": layer.p, "stream": layer.stream}
    found: dict[str, Any] = getattr(layer, "settings", {})
    return {key: list(v) if isinstance(v, tuple) else v for key, v in found.items()}


def _layer(kind: str, arrays: Arrays, settings: Mapping[str, Any]) -> Module:
    given = {key: tuple(v) if isinstance(v, list) else v for key, v in settings.items()}
    if kind in PLAIN:
        _refuse_unknown(given, set(inspect.signature(PLAIN[kind]).parameters))
        if arrays:
            raise ValueError(f"a {kind} has no arrays, got {', '.join(arrays)}")
        return PLAIN[kind](**given)
    if kind not in WEIGHTED:
        raise ValueError(f"no kind {kind!r}; there are {', '.join(sorted(WEIGHTED | PLAIN))}")
    _refuse_unknown(given, ALLOWED[kind])
    missing = "weight" not in arrays and kind not in OPTIONAL
    others = ARRAYS.get(kind, set[str]())
    if missing or not arrays.keys() <= {"weight", "bias"} | others:
        beside = f", with {', '.join(sorted(others))}" if others else ""
        raise ValueError(f"a {kind} has a weight and may have a bias{beside}; got {sorted(arrays)}")
    return WEIGHTED[kind](**arrays, **given)


def _refuse_unknown(settings: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(settings.keys() - known)
    if unknown:
        raise ValueError(f"no settings {', '.join(unknown)}; there are {', '.join(sorted(known))}")
