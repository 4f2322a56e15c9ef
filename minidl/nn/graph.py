"""Graphs of layers: layers by name and the inputs of each, in sequence or in branches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Self, overload

from minidl.nn.fusion import fused
from minidl.nn.module import Module
from minidl.nn.naming import module_of
from minidl.recording import is_recording
from minidl.tensor import Tensor

Planner = Callable[["Graph", Tensor], "Tensor | None"]
_planner: Planner | None = None

INPUT = "input"
"""The name of the graph's input, for layers that read it."""
Wiring = Mapping[str, tuple[str, ...]]


def plan_with(planner: Planner) -> None:
    """Have graphs ask `planner` for their output while nothing is recorded; None: layer by layer.

    Plans are built on layers, so this module cannot import them: `minidl/plan` installs it.
    """
    global _planner
    _planner = planner


def planned(graph: Graph, x: Tensor) -> Tensor | None:
    """The output by a plan, or None."""
    return None if _planner is None or is_recording() else _planner(graph, x)


@dataclass(frozen=True, eq=False)
class Run:
    """One call of a forward pass: a layer, or several fused ones.

    names:  the layers' names; the last one is the name of the output.
    inputs: the names of its inputs.
    dead:   outputs that no later call needs.
    """

    names: tuple[str, ...]
    call: Callable[..., Tensor]
    inputs: tuple[str, ...]
    dead: tuple[str, ...]


class Graph(Module):
    """Modules by name, and for each the names of its inputs, in order.

    layers: the modules by name, in any order.
    wiring: the inputs of each: names of layers, or `INPUT` for the graph's input.
    output: the layer whose output the graph returns; the last unless given.
    Raises ValueError for an unknown name, layers in a circle, or a layer named `INPUT`.
    """

    def __init__(
        self,
        layers: Mapping[str, Module],
        wiring: Mapping[str, Sequence[str]],
        output: str | None = None,
    ) -> None:
        wires = {name: tuple(sources) for name, sources in wiring.items()}
        order = _in_order(layers, wires)
        self._layers = {name: layers[name] for name in order}
        self._wiring = {name: wires[name] for name in order}
        self._output = order[-1] if output is None else output
        if self._output not in self._layers:
            raise ValueError(f"graph: no layer {output!r} to return; there are {_listed(order)}")
        self._plan: list[Run] | None = None

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The layers in topological order: each after its inputs."""
        yield from self._layers.items()

    def wiring(self) -> Wiring:
        """The inputs of each layer, by name, in the order of `children`."""
        return self._wiring

    @property
    def output(self) -> str:
        """The layer whose output the graph returns."""
        return self._output

    def forward(self, x: Tensor) -> Tensor:
        """The layers in order, fusible ones in one call (`nn/fusion.py`)."""
        y = planned(self, x)
        if y is not None:
            return y
        if self._plan is None:
            self._plan = self.plan()
        kept = {INPUT: x}
        for run in self._plan:
            kept[run.names[-1]] = run.call(*(kept[name] for name in run.inputs))
            for name in run.dead:
                del kept[name]
        return kept[self.output]

    def plan(self) -> list[Run]:
        """The calls of a forward pass, each with the outputs that are not needed after it."""
        needed = self.below(self.output)
        runs = fused(
            [(n, layer, self.wiring()[n]) for n, layer in self.named_children() if n in needed]
        )
        left = Counter(source for _, _, sources in runs for source in sources)
        left[self.output] += 1
        plan = []
        for names, call, inputs in runs:
            left.subtract(inputs)
            dead = tuple(name for name in dict.fromkeys(inputs) if left[name] == 0)
            plan.append(Run(names, call, inputs, dead))
        return plan

    def below(self, name: str) -> set[str]:
        """The layers from which the output of layer `name` is computed, itself included.

        ValueError for an unknown name lists the layers.
        """
        wiring = self.wiring()
        if name not in wiring:
            raise ValueError(f"no layer {name!r}; the layers are {_listed(wiring)}")
        found, open_ = {name}, [name]
        while open_:
            fresh = {n for n in wiring[open_.pop()] if n != INPUT} - found
            found |= fresh
            open_.extend(fresh)
        return found

    def replaced(self, layers: Mapping[str, Module]) -> Self:
        """The same graph with other layers of these names; every other layer is shared, and this
        graph stays as it is. KeyError for an unknown name."""
        other = copy(self)
        other._layers = {**self._layers, **{name: layers[name] for name in layers}}
        if other._layers.keys() != self._layers.keys():
            raise KeyError(*(layers.keys() - self._layers.keys()))
        other._plan = None
        return other

    def activations(self, x: Tensor, until: str | None = None) -> dict[str, Tensor]:
        """Every layer's output by its name; with `until`, only those on the paths to it."""
        wanted = self.below(self.output if until is None else until)
        outputs = {INPUT: x}
        for name, layer in self.named_children():
            if name in wanted:
                outputs[name] = layer(*(outputs[source] for source in self.wiring()[name]))
        del outputs[INPUT]
        return outputs


class Sequential(Graph):
    """Modules in sequence, each with a name and an attribute of that name.

    `Sequential(conv=..., relu=...)` names them; `Sequential(conv, relu)` numbers them, as PyTorch
    does, which also takes a mapping of names. `net[0]`, `net[-1]` and `net[1:3]` are its layers.
    """

    _kept: tuple[list[Module], list[Run]] | None = None

    def __init__(self, *layers: Module | Mapping[str, Module], **named: Module) -> None:
        if len(layers) == 1 and isinstance(layers[0], Mapping):
            named, layers = {**layers[0], **named}, ()
        for name, layer in [*((str(i), each) for i, each in enumerate(layers)), *named.items()]:
            if not isinstance(layer, Module):
                raise TypeError(f"Sequential: layer {name!r} must be a Module, got {type(layer)}")
            setattr(self, name, module_of(layer))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        yield from Module.named_children(self)

    def wiring(self) -> Wiring:
        names = [name for name, _ in self.named_children()]
        return {name: (before,) for name, before in zip(names, [INPUT, *names], strict=False)}

    def replaced(self, layers: Mapping[str, Module]) -> Self:
        other = copy(self)
        for name, layer in layers.items():
            if name not in self.wiring():
                raise KeyError(name)
            setattr(other, name, layer)
        return other

    @property
    def output(self) -> str:
        """The last layer; the input itself without layers."""
        return [INPUT, *self.wiring()][-1]

    def __len__(self) -> int:
        return len(self._own())

    def __iter__(self) -> Iterator[Module]:
        return iter(self._own())

    @overload
    def __getitem__(self, index: int) -> Module: ...

    @overload
    def __getitem__(self, index: slice) -> Sequential: ...

    def __getitem__(self, index: int | slice) -> Module:
        if isinstance(index, slice):
            return Sequential(dict(list(self.named_children())[index]))
        own = self._own()
        if not -len(own) <= index < len(own):
            raise IndexError(f"Sequential: no layer {index} of {len(own)}")
        return own[index]

    def __setitem__(self, index: int, layer: Module) -> None:
        name = list(self.wiring())[index]
        setattr(self, name, layer)

    def append(self, layer: Module) -> Self:
        """Add a layer at the end, under the next number."""
        setattr(self, str(len(self)), layer)
        return self

    def extend(self, layers: Iterable[Module]) -> Self:
        """Add layers at the end."""
        for layer in layers:
            self.append(layer)
        return self

    def forward(self, x: Tensor) -> Tensor:
        """The layers in order, fusible ones in one call (`nn/fusion.py`)."""
        y = planned(self, x)
        if y is not None:
            return y
        own = self._own()
        if self._kept is None or self._kept[0] != own:
            self._kept = own, self.plan() if own else []
        for run in self._kept[1]:
            x = run.call(x)
        return x

    def _own(self) -> list[Module]:
        return [module_of(value) for value in vars(self).values() if isinstance(value, Module)]


def _in_order(layers: Mapping[str, Module], wiring: Mapping[str, tuple[str, ...]]) -> list[str]:
    if not layers or INPUT in layers or layers.keys() != wiring.keys():
        raise ValueError(
            f"graph: layers {_listed(layers)} and wiring {_listed(wiring)} must name the same, at "
            f"least one, none of them {INPUT!r}"
        )
    for name, sources in wiring.items():
        unknown = [source for source in sources if source != INPUT and source not in layers]
        if unknown or not sources:
            raise ValueError(
                f"graph: {name!r} is fed by {unknown or 'nothing'}, which is no layer; there are "
                f"{INPUT}, {_listed(layers)}"
            )
    try:
        order = list(TopologicalSorter(wiring).static_order())
    except CycleError as error:
        raise ValueError(f"graph: layers feed each other in a circle: {error.args[1]}") from None
    return [name for name in order if name != INPUT]


def _listed(names: Mapping[str, object] | Sequence[str]) -> str:
    return ", ".join(names) or "none"
