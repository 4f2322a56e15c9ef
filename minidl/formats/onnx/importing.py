"""Import of an ONNX network as a graph of layers.

The nodes are visited in topological order. A node of constants alone is computed at once. Every
other node becomes a layer, which is run on a batch of no images: so every shape is that of the
engine, an error is found at the node that causes it, and whatever sizes a file claims, nothing is
allocated for them.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from dataclasses import dataclass, field

import minidl.formats.onnx.operators  # noqa: F401  (its files register the converters)
from kernels.contract.arguments import Pair
from kernels.terminal.sentences import shortened
from minidl import nn
from minidl.formats.onnx import constants
from minidl.formats.onnx.call import OPERATORS, Activation, Built, Call, Value
from minidl.formats.onnx.model import Model, Node
from minidl.formats.onnx.reading import LIMIT, read
from minidl.formats.onnx.ties import Ties
from minidl.nn.folding import fold as fold_affine
from minidl.nn.shapes import output_shape
from minidl.recording import no_grad

SMALL, MULTIPLE = 64 << 20, 8
"""Most bytes of all constants that nodes compute: 64 MiB, and so many times the stored ones."""
_MISFITS = (ValueError, TypeError, LookupError, ArithmeticError, MemoryError)
"""Errors of NumPy and the engine for arrays and settings that do not fit each other."""


def load_onnx(
    path: str | os.PathLike[str], *, size: Pair | None = None, fold: bool = False
) -> nn.Graph:
    """The network of an ONNX file (opsets 7 to 22), in inference, of any batch size.

    size: (H, W) of the image, or one number for both, where they are symbolic in the file.
    fold: fold batch normalisation into the convolution before it.

    A layer has the name of its node, or of the node's output; no node is left out, not even a
    softmax at the end. A constant that is the weight of several nodes becomes one parameter.
    Weights of float16 and float64 become float32, the type of all computation. Settings that
    depend on the image's size (Reshape, auto_pad) are those for this size.
    Nothing in the file is executed.
    Raises FileNotFoundError, ImportError without the package onnx, and ValueError that says which
    node cannot be imported and why, or what is wrong with the file.
    """
    graph = convert(read(path, size), os.fspath(path))
    if fold:
        graph = fold_affine(graph)
    graph.eval()
    return graph


def convert(model: Model, what: str) -> nn.Graph:
    """The layers of a model; `what` is its name in errors."""
    stored = sum(array.nbytes for array in model.constants.values())
    walk = _Walk(dict(model.constants), model.opset, SMALL + MULTIPLE * stored)
    walk.values[model.image] = Activation(nn.INPUT, (1, *model.shape))
    with no_grad():
        for node in model.nodes:
            try:
                walk.add(node)
            except _MISFITS as error:
                reason = (
                    f"operator {node.operator} of node {node.name!r} "
                    f"(inputs {_shown(walk.inputs(node))}): {error}"
                )
                raise ValueError(f"{what} cannot be imported: {shortened(reason)}") from None
    output = walk.values.get(model.output)
    if not isinstance(output, Activation):
        reason = f"its output {model.output!r} is not computed from the image"
        raise ValueError(f"{what} cannot be imported: {shortened(reason)}")
    return nn.Graph(walk.layers, walk.wiring, output.layer)


@dataclass
class _Walk:
    """State of the import: the values by name, and the layers so far.

    room: bytes that constants may still take.
    """

    values: dict[str, Value]
    opset: int
    room: int
    layers: dict[str, nn.Module] = field(default_factory=dict)
    wiring: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ties: Ties = field(default_factory=Ties)
    uses: Counter[str] = field(default_factory=Counter)

    def add(self, node: Node) -> None:
        """Convert a node; its value is a constant, or the output of its layers."""
        second = [name for name in node.inputs if name and name not in self.values]
        if second:
            raise ValueError(f"it takes {second[0]!r}, a second output, and only first ones can be")
        call = Call(node, self.opset, self.inputs(node))
        if constants.folds(call):
            needed = constants.size(call)
            if needed > self.room:
                raise ValueError(
                    f"a constant of {needed} bytes is more than may be made of what the file holds "
                    f"({self.room} bytes are left)"
                )
            self.room -= needed
            folded = constants.fold(call)
            if node.operator == "Constant":  # stored in the node
                self.room += MULTIPLE * folded.nbytes
            value: Value = folded
        else:
            built = _built(call)
            self.ties.add(call, built)
            value = self.chain(node.name, built, call.activations)
        self.values[node.outputs[0]] = value

    def inputs(self, node: Node) -> tuple[Value, ...]:
        return tuple(self.values.get(name) if name else None for name in node.inputs)

    def chain(self, name: str, built: Built, sources: tuple[Activation, ...]) -> Activation:
        """Add the layers of one node in sequence; the last one gets the node's name."""
        modules = built if isinstance(built, tuple) else (built,)
        for at, module in enumerate(modules, start=1):
            last = at == len(modules)
            sources = (self.layer(name if last else f"{name}/{at}", module, sources),)
        return sources[0]

    def layer(self, name: str, module: nn.Module, sources: tuple[Activation, ...]) -> Activation:
        own = self.free(name)
        shape = output_shape(module, [each.shape for each in sources])
        if 4 * math.prod(shape) >= LIMIT:
            raise ValueError(f"its output {shape} would take 2 GiB or more for one image")
        self.layers[own] = module
        self.wiring[own] = tuple(each.layer for each in sources)
        return Activation(own, shape)

    def free(self, name: str) -> str:
        """The name, with a number if another layer or the input has it."""
        free = name
        while free in self.layers or free == nn.INPUT:
            self.uses[name] += 1
            free = f"{name}_{self.uses[name] + 1}"
        return free


def _built(call: Call) -> Built:
    if call.node.operator not in OPERATORS:
        raise ValueError(
            f"of what is computed from the image only {', '.join(sorted(OPERATORS))} can be "
            "imported"
        )
    return OPERATORS[call.node.operator](call)


def _shown(values: tuple[Value, ...]) -> str:
    return ", ".join("none" if value is None else str(value.shape) for value in values) or "none"
