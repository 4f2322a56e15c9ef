"""ONNX Runtime as a contender: graphs built from nodes, with weights as constants."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.engines import session
from bench.operations.operation import Call
from kernels import ConvGeometry, PoolGeometry
from kernels.contract.arguments import Pair, pads, pair
from minidl import nn
from minidl.formats.onnx import save_onnx

OPSET = 22


@dataclass(frozen=True)
class Node:
    """One operator of a graph: the names of its inputs and outputs, and its attributes."""

    kind: str
    takes: Sequence[str]
    gives: Sequence[str]
    attributes: Mapping[str, Any] = field(default_factory=dict)


def window(g: ConvGeometry | PoolGeometry) -> dict[str, Any]:
    """The attributes of Conv or MaxPool."""
    top, bottom, left, right = g.padding
    groups = {"group": g.groups} if isinstance(g, ConvGeometry) else {}
    return {
        "kernel_shape": [g.R, g.S],
        "strides": list(g.stride),
        "pads": [top, left, bottom, right],
        **groups,
    }


def call(
    nodes: Sequence[Node],
    inputs: Mapping[str, np.ndarray],
    weights: Mapping[str, np.ndarray],
    threads: int,
) -> Call:
    """A call of the graph on these inputs, which returns the outputs of its last node."""
    return _session(_model(nodes, inputs, weights).SerializeToString(), inputs, threads)


def of_graph(model: nn.Graph, inputs: Mapping[str, np.ndarray], threads: int) -> Call:
    """A call of a network with branches, exported by `minidl.formats.onnx`."""
    (x,) = inputs.values()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        save_onnx(model, file, x.shape[1:])
        return _session(file.read_bytes(), {"x": x}, threads)


def _session(model: bytes, inputs: Mapping[str, np.ndarray], threads: int) -> Call:
    made = session(model, threads)
    names = [given.name for given in made.get_inputs()]
    feeds = {n: np.ascontiguousarray(a) for n, a in zip(names, inputs.values(), strict=True)}
    return Call(lambda: made.run(None, feeds), tuple)


def _model(
    nodes: Sequence[Node], inputs: Mapping[str, np.ndarray], weights: Mapping[str, np.ndarray]
) -> Any:
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node(n.kind, n.takes, n.gives, **n.attributes) for n in nodes],
        "contender",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, a.shape)
            for name, a in inputs.items()
        ],
        [helper.make_empty_tensor_value_info(name) for name in nodes[-1].gives],
        [numpy_helper.from_array(np.ascontiguousarray(a), name) for name, a in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


def network(model: nn.Sequential) -> tuple[list[Node], dict[str, np.ndarray]]:
    """The nodes of a network without local contrast normalisation, and its weights by name."""
    nodes: list[Node] = []
    below = "x"
    for name, layer in model.children():
        if not isinstance(layer, nn.Dropout):
            nodes.append(_node(name, layer, below))
            below = name
    return nodes, dict(model.state_dict())


def _node(name: str, layer: nn.Module, below: str) -> Node:
    weights = f"{name}.weight", f"{name}.bias"
    settings: dict[str, Any] = getattr(layer, "settings", {})
    if isinstance(layer, nn.Conv2d):
        window = _window(settings, layer.weight.shape[2:])
        return Node("Conv", (below, *weights), (name,), window | {"group": settings["groups"]})
    if isinstance(layer, nn.Linear):
        return Node("Gemm", (below, *weights), (name,), {"transB": 1})
    if isinstance(layer, nn.MaxPool2d):
        return Node("MaxPool", (below,), (name,), _window(settings, settings["kernel_size"]))
    if isinstance(layer, nn.LocalResponseNorm):
        size, alpha, beta, k = (settings[name] for name in ("size", "alpha", "beta", "k"))
        given = {"size": size, "alpha": alpha, "beta": beta, "bias": k}
        return Node("LRN", (below,), (name,), given)
    return Node({nn.ReLU: "Relu", nn.Flatten: "Flatten"}[type(layer)], (below,), (name,))


def _window(settings: dict[str, Any], size: Pair) -> dict[str, Any]:
    top, bottom, left, right = pads(settings["padding"])
    return {
        "kernel_shape": list(pair(size, "size")),
        "strides": list(pair(settings["stride"], "stride")),
        "pads": [top, left, bottom, right],
    }
