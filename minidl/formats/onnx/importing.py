"""Import of an ONNX network as a graph of layers.

The nodes are visited in topological order. A node of constants alone is computed at once. Every
other node becomes a layer, which is run on a batch of no images: so every shape is that of the
engine, an error is found at the node that causes it, and whatever sizes a file claims, nothing is
allocated for them. Nodes that cannot be imported are all found before the file is refused.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import minidl.formats.onnx.operators  # noqa: F401  (its files register the converters)
from kernels.contract.arguments import Pair
from minidl import nn
from minidl.formats.onnx import constant_sizes, constants, early, evaluated
from minidl.formats.onnx.batch import FRONT, Activation, Batch, in_file
from minidl.formats.onnx.call import OPERATORS, Built, Call, Source, Steps, Value
from minidl.formats.onnx.joining import in_file_order
from minidl.formats.onnx.model import Model, Node
from minidl.formats.onnx.patterns import recognised
from minidl.formats.onnx.reading import LIMIT, read, title
from minidl.formats.onnx.refusal import Refusals, unsupported
from minidl.formats.onnx.spelling import spelled_out
from minidl.formats.onnx.ties import Ties
from minidl.nn.folding import fold as fold_affine
from minidl.nn.shapes import output_shape
from minidl.recording import no_grad

SMALL, MULTIPLE = 64 << 20, 8
"""Most bytes of all constants that nodes compute: 64 MiB, and so many times the stored ones."""
WEIGHTS = 1 << 30
"""Most bytes of all weights: 1 GiB, and so many times the stored constants."""
MOVES = ("Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Slice", "Concat", "Flatten")
"""Operators that change no value."""
MAKE_FLOATS = ("Cast", "CastLike")
_MISFITS = (ValueError, TypeError, LookupError, ArithmeticError, MemoryError)
"""Errors of NumPy and the engine for arrays and settings that do not fit each other."""


def load_onnx(
    source: Any, *, size: Pair | None = None, fold: bool = False, output: str | None = None
) -> nn.Graph:
    """The network of an ONNX file (opsets 6 to 25), in inference, of any batch size.

    source: the file's path, its content as bytes, or a ModelProto of the package onnx.
    size:   (H, W) of the image, or one number for both, where they are symbolic in the file.
    fold:   fold batch normalisation into the convolution before it.
    output: the name of the output to compute, of several; the first unless given.

    The graph takes images as the file does, (N,C,H,W), or (N,H,W,C) from Keras, and gives the
    file's output. Within, the batch is the first axis of every layer's output, also where the file
    has it elsewhere: tokens (197,N,768) are (N,197,768), windows (64 N,49,96) are (N,64,49,96).
    A layer has the name of its node, or of the node's output. Nodes that together are one layer,
    as x * sigmoid(x), get the name of the last one (`patterns.py`); no other node is left out, not
    even a softmax at the end. A constant that is the weight of several nodes becomes one parameter.
    Weights of float16, bfloat16 and float64 become float32, the type of all computation; an input
    of uint8 takes float32 too. Settings that depend on the image's size (Reshape, auto_pad) are
    those for this size.
    Nothing in the file is executed.
    Raises FileNotFoundError, ImportError without the package onnx, and ValueError that says which
    nodes cannot be imported and why, or what is wrong with the file.
    """
    graph = convert(read(source, size, output), title(source))
    if fold:
        graph = fold_affine(graph)
    graph.eval()
    return graph


def convert(model: Model, what: str) -> nn.Graph:
    """The layers of a model; `what` is its name in errors."""
    model = spelled_out(model)
    stored = sum(array.nbytes for array in model.constants.values())
    image = Activation(nn.INPUT, (1, *model.image.shape))
    values: dict[str, Value] = {**model.constants, model.image.name: image}
    walk = _Walk(values, image, model, SMALL + MULTIPLE * stored, WEIGHTS + MULTIPLE * stored)
    try:
        with no_grad():
            for node in recognised(model):
                walk.visit(node)
    except _TooLarge as error:
        raise ValueError(f"{what} cannot be imported: {error}") from None
    walk.refusals.check(what)
    output = walk.values.get(model.output)
    if not isinstance(output, Activation):
        reason = f"its output {model.output!r} is not computed from the image"
        raise ValueError(f"{what} cannot be imported: {reason}")
    return nn.Graph(walk.layers, walk.wiring, walk.restore(model.output, output))


class _TooLarge(Exception):
    """An end of the import: weights of further nodes would only take more time and memory."""


@dataclass
class _Walk:
    """State of the import: the values by name, and the layers so far.

    room:   bytes that constants may still take; weight_room: that weights may.
    lost:   values that refused nodes would have made.
    whole:  values that are the image's whole numbers, moved.
    """

    values: dict[str, Value]
    image: Activation
    model: Model
    room: int
    weight_room: int
    layers: dict[str, nn.Module] = field(default_factory=dict)
    wiring: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ties: Ties = field(default_factory=Ties)
    weighed: set[int] = field(default_factory=set)
    uses: Counter[str] = field(default_factory=Counter)
    lost: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    refusals: Refusals = field(default_factory=Refusals)

    def __post_init__(self) -> None:
        if self.model.image.whole:
            self.whole.add(self.model.image.name)

    def visit(self, node: Node) -> None:
        """Convert a node, or note why it cannot be."""
        try:
            if node.fault or not _is_known(node.operator):
                raise ValueError(node.fault or unsupported(node.operator))
            if unread := [name for name in node.inputs if name in self.model.faults]:
                raise ValueError(self.model.faults[unread[0]])
            if self.lost.isdisjoint(node.inputs):
                self.follow_whole(node)
                self.add(node)
            else:  # what it needs was refused already
                self.lost.update(filter(None, node.outputs))
        except _MISFITS as error:
            self.refusals.add(node, self.inputs(node), str(error))
            self.lost.update(filter(None, node.outputs))

    def add(self, node: Node) -> None:
        """Convert a node; its values are constants, or the outputs of its layers."""
        second = [name for name in node.inputs if name and name not in self.values]
        if second:
            raise ValueError(f"it takes {second[0]!r}, a second output, and only first ones can be")
        if node.operator == "If":
            self.values.update(zip(node.outputs, self.branch(node), strict=True))
            return
        given = early.operands(node, self.model.opset, self.inputs(node))
        call = Call(node, self.model.opset, given, self.model.image.images)
        made: Sequence[Value] = self.folded(call) if constants.folds(call) else self.built(call)
        self.values.update(zip(filter(None, node.outputs), made, strict=False))

    def follow_whole(self, node: Node) -> None:
        """Whole numbers of the image may be moved and made floats of; of nothing else would the
        engine's floats give the same."""
        if self.whole.isdisjoint(node.inputs) or node.operator in (*MAKE_FLOATS, "Shape"):
            return
        if node.operator not in MOVES:
            raise ValueError("it computes with the image's whole numbers; a Cast to floats can be")
        self.whole.update(node.outputs)

    def branch(self, node: Node) -> list[Value]:
        """The values of the case that holds: its condition must be a constant, such as one of a
        shape."""
        condition = self.values[node.inputs[0]]
        if not isinstance(condition, np.ndarray):
            raise ValueError("its condition is computed from the image; export it without (traced)")
        branch = node.attributes["then_branch" if condition.all() else "else_branch"]
        self.values.update(branch.constants)
        for inner in branch.nodes:
            self.visit(inner)
        lost = self.lost.intersection(branch.outputs)
        self.lost.update(node.outputs if lost else ())
        return [self.values.get(name) for name in branch.outputs]

    def folded(self, call: Call) -> tuple[Value, ...]:
        """The constants that a node computes."""
        needed = constant_sizes.bytes_of(call)
        if needed > self.room:
            raise ValueError(
                f"a constant of {needed} bytes is more than may be made of what the file holds "
                f"({self.room} bytes are left)"
            )
        self.room -= needed
        folded = constants.fold(call)
        if call.node.operator == "Constant":  # stored in the node
            self.room += MULTIPLE * folded[0].nbytes
        return folded

    def built(self, call: Call) -> list[Value]:
        """The layers of a node, the outputs one after the other."""
        if call.node.operator not in OPERATORS:
            raise ValueError(unsupported(call.node.operator))
        built = OPERATORS[call.node.operator](call)
        every = list(_steps(built))
        for steps in every:
            self.ties.add(call, steps.modules)
        names = [call.node.name, *(f"{call.node.name}:{at}" for at in range(1, len(every)))]
        return [self.chain(n, s, call.activations) for n, s in zip(names, every, strict=True)]

    def inputs(self, node: Node) -> tuple[Value, ...]:
        return tuple(self.values.get(name) if name else None for name in node.inputs)

    def chain(self, name: str, steps: Steps, activations: tuple[Activation, ...]) -> Activation:
        """Add the layers of one node in sequence; the last one gets the node's name."""
        given = activations if steps.sources is None else steps.sources
        sources = tuple(self.source(f"{name}/input", each) for each in given)
        batch = activations[0].batch if steps.batch is None else steps.batch
        return self.sequence(name, steps.modules, sources, batch)

    def source(self, name: str, source: Activation | Source) -> Activation:
        """An input of a node's layers, made first where it is not there yet."""
        if isinstance(source, Activation):
            return source
        return self.sequence(name, source.modules, (source.of or self.image,), FRONT)

    def sequence(
        self,
        name: str,
        modules: Sequence[nn.Module],
        sources: tuple[Activation, ...],
        batch: Batch,
    ) -> Activation:
        """Add layers; the last one gets the name, and its output the batch's place."""
        for at, module in enumerate(modules, start=1):
            last = at == len(modules)
            own = name if last else f"{name}/{at}"
            # Within a node only the images in front count.
            sources = (self.layer(own, module, sources, batch if last else FRONT),)
        return sources[0]

    def restore(self, name: str, output: Activation) -> str:
        """The layer of the network's output, with the batch where the file has it."""
        last = output.layer
        for module in in_file_order(output):
            own = self.free(name)
            self.layers[own], self.wiring[own] = module, (last,)
            last = own
        return last

    def layer(
        self, name: str, module: nn.Module, sources: tuple[Activation, ...], batch: Batch
    ) -> Activation:
        own = self.free(name)
        self.weigh(own, module)
        shape = output_shape(module, [(1, *each.own) for each in sources])
        if 4 * math.prod(shape) >= LIMIT:
            raise ValueError(f"its output {shape} would take 2 GiB or more for one image")
        self.layers[own] = module
        self.wiring[own] = tuple(each.layer for each in sources)
        return Activation(own, in_file(shape[1:], batch), batch)

    def weigh(self, name: str, module: nn.Module) -> None:
        """Count a layer's weights: a file can name one constant, stored or not, many times."""
        for parameter in vars(module).values():
            if isinstance(parameter, nn.Parameter) and id(parameter) not in self.weighed:
                self.weighed.add(id(parameter))
                self.weight_room -= 4 * parameter.size
        if self.weight_room < 0:
            raise _TooLarge(
                f"the weights up to layer {name!r} would take more memory than may be made of what "
                f"the file holds ({WEIGHTS} bytes, and {MULTIPLE} times its constants)"
            )

    def free(self, name: str) -> str:
        """The name, with a number if another layer or the input has it."""
        free = name
        while free in self.layers or free == nn.INPUT:
            self.uses[name] += 1
            free = f"{name}_{self.uses[name] + 1}"
        return free


def _steps(built: Built) -> Iterator[Steps]:
    """What a converter returned, as the layers of each output."""
    if isinstance(built, list):
        yield from built
    elif isinstance(built, Steps):
        yield built
    else:
        yield Steps(built if isinstance(built, tuple) else (built,))


def _is_known(operator: str) -> bool:
    tables = (OPERATORS, constants.FOLDERS, evaluated.OPERATORS, ("If",))
    return any(operator in table for table in tables)
