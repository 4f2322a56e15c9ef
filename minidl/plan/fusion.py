"""Steps of a plan: layers that are computed together.

A convolution takes along what follows it alone: the sum with the residual of its block, the
activation, and after a ReLU the max-pooling. A sum and an affine layer take along the activation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from minidl import nn
from minidl.functional.rectifiers import OF_PYTORCH
from minidl.nn.module import Module
from minidl.plan.arena import Shape

Part = tuple[str, Module, tuple[str, ...]]
"""A layer's name, the layer, and the names of its inputs."""


@dataclass(frozen=True, eq=False)
class Activation:
    """A function of each element that follows a sum: a name of `kernels.cpu.epilogue.FUNCTIONS`."""

    function: str
    alpha: float = 0.0
    beta: float = 0.0


@dataclass(frozen=True, eq=False)
class Step:
    """Layers that are computed together; the first one decides how.

    names:      of the layers; the last one is the name of the result.
    inputs:     names of what the first layer reads.
    residual:   name of what is added to its result.
    activation: what follows then.
    pooling:    max-pooling after that.
    """

    names: tuple[str, ...]
    layers: tuple[Module, ...]
    inputs: tuple[str, ...]
    residual: str | None = None
    activation: Activation | None = None
    pooling: nn.MaxPool2d | None = None

    @property
    def output(self) -> str:
        return self.names[-1]

    @property
    def reads(self) -> tuple[str, ...]:
        return (*self.inputs, self.residual) if self.residual is not None else self.inputs


def steps(parts: Sequence[Part], shapes: Mapping[str, Shape]) -> list[Step]:
    """The layers, each after its inputs, as steps in the same order; `shapes` of their results."""
    uses = Counter(source for _, _, sources in parts for source in sources)
    place = {name: i for i, (name, _, _) in enumerate(parts)}
    reader = {source: part for part in parts for source in part[2]}
    found, done = list[Step](), set[str]()
    for name, layer, sources in parts:
        if name in done:
            continue
        step = Step((name,), (layer,), sources)
        if type(layer) in FOLLOWED:
            while uses[step.output] == 1:
                longer = _with(step, *reader[step.output], place, shapes)
                if longer is None:
                    break
                step = longer
        done.update(step.names)
        found.append(step)
    return found


def _with(
    step: Step,
    name: str,
    layer: Module,
    sources: tuple[str, ...],
    place: dict[str, int],
    shapes: Mapping[str, Shape],
) -> Step | None:
    """The step with the layer that reads its result; None if that is a step of its own."""
    longer = replace(step, names=(*step.names, name), layers=(*step.layers, layer))
    function = activation_of(layer)
    if function is not None and step.activation is None and len(sources) == 1:
        return replace(longer, activation=function)
    if type(step.layers[0]) is not nn.Conv2d:
        return None
    if type(layer) is nn.Add and len(sources) == 2 and len(step.names) == 1:
        other = sources[0] if sources[1] == step.output else sources[1]
        before = place.get(other, -1) < place[step.names[0]]
        if other != step.output and before and shapes[other] == shapes[step.output]:
            return replace(longer, residual=other)
    rectified = step.activation is not None and step.activation.function == "relu"
    if type(layer) is nn.MaxPool2d and len(step.names) == 2 and rectified:
        return replace(longer, pooling=layer)
    return None


def along_channels(layer: Module) -> bool:
    """Whether it is a concatenation of channels."""
    return type(layer) is nn.Concatenate and layer.settings["axis"] == 1


def placed(every: Sequence[Step], shapes: Mapping[str, Shape]) -> dict[str, tuple[str, int]]:
    """Results that are written where a concatenation has them: its name, and their first channel.

    They are convolutions' results that the concatenation alone reads; and of a dense block, whose
    concatenations begin each with the one before, all its concatenations and what lies in them:
    affine layers read some channels of a wider array too.
    """
    readers = dict[str, list[Step]]()
    for step in every:
        for source in step.reads:
            readers.setdefault(source, []).append(step)
    made = {step.output: step for step in every}
    joins = [s for s in every if along_channels(s.layers[0]) and shapes[s.output].layout == "NHWC"]
    found = dict[str, tuple[str, int]]()
    for whole in reversed(joins):
        if whole.output in found:
            continue
        block = [whole, *_beginnings(whole, joins, readers)]
        first = 0
        for source in whole.inputs:
            own = made.get(source)
            if own is not None and source not in found and _writes_apart(own):
                others = [step for step in readers[source] if step not in block]
                once = whole.inputs.count(source) == 1
                if once and all(type(step.layers[0]) is nn.Affine for step in others):
                    found[source] = whole.output, first
            first += shapes[source].shape[1]
        found |= {step.output: (whole.output, 0) for step in block[1:]}
    return found


def _beginnings(
    whole: Step, joins: Sequence[Step], readers: Mapping[str, list[Step]]
) -> Iterator[Step]:
    """The concatenations of the first inputs of `whole`, which affine layers alone read."""
    for step in joins:
        begins = step is not whole and whole.inputs[: len(step.inputs)] == step.inputs
        own = readers.get(step.output, [])
        if begins and own and all(type(each.layers[0]) is nn.Affine for each in own):
            yield step


def _writes_apart(step: Step) -> bool:
    """Whether the step can write some channels of a wider array."""
    alone = step.residual is None and step.pooling is None
    return type(step.layers[0]) is nn.Conv2d and alone


FOLLOWED = (nn.Conv2d, nn.Add, nn.Affine, nn.BatchNorm2d, nn.Multiply, nn.Linear, nn.Shift)
"""Layers that take along what follows them."""
_PLAIN = {nn.ReLU: "relu", nn.SiLU: "silu", nn.Hardswish: "hardswish",
          nn.Sigmoid: "sigmoid"}  # fmt: skip


def activation_of(layer: Module) -> Activation | None:
    """The function of each element that the layer is, or None."""
    kind, settings = type(layer), getattr(layer, "settings", {})
    if kind in _PLAIN:
        return Activation(_PLAIN[kind])
    if kind is nn.Hardsigmoid and tuple(settings.values()) == OF_PYTORCH:
        return Activation("hardsigmoid")
    if kind is nn.GELU and settings["approximate"] == "none":
        return Activation("gelu")
    if kind is nn.Clip:
        return Activation("clip", settings["low"], settings["high"])
    if kind is nn.ReLU6:
        return Activation("clip", 0.0, 6.0)
    if kind is nn.LeakyReLU:
        return Activation("leaky_relu", settings["slope"])
    return None
