"""Outputs of chosen layers of a graph, from one pass that frees every other output after use.

The layers' order, fusion and names are the graph's (`minidl/nn/graph.py`); a fused call never spans
an output that is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence

from minidl import Tensor, nn
from minidl.nn.fusion import Part, fused
from minidl.nn.graph import Graph, Run


class Outputs:
    """A forward pass that yields the outputs of `names`, each as soon as it is computed.

    given:   layers whose outputs are known, `nn.INPUT` among them.
    sources: those of them that the pass reads; layers: those that it computes.
    ValueError, with the layers, for no names or one that does not exist.
    """

    def __init__(
        self, graph: Graph, names: Sequence[str], given: Container[str] = (nn.INPUT,)
    ) -> None:
        children = dict(graph.children())
        unknown = [name for name in names if name not in children]
        if unknown or not names:
            raise ValueError(f"no layer {unknown or 'given'}; the layers are {', '.join(children)}")
        self.names = tuple(dict.fromkeys(names))
        parts = _needed(graph, self.names, given)
        read = {source for _, _, sources in parts for source in sources}
        self.layers = tuple(name for name, _, _ in parts)
        self.sources = tuple(sorted(read - set(self.layers)))
        self._runs = _runs(parts, self.names)

    def __call__(self, known: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
        """(name, output) of the chosen layers, in the order of the pass.

        known: the outputs of `sources`.
        """
        kept = dict(known)
        for run in self._runs:
            kept[run.names[-1]] = y = run.call(*(kept[name] for name in run.inputs))
            if run.names[-1] in self.names:
                yield run.names[-1], y
            for name in run.dead:
                del kept[name]


def _needed(graph: Graph, names: Sequence[str], given: Container[str]) -> list[Part]:
    """The layers from which the outputs of `names` are computed, in order, but not those below
    outputs that are given."""
    wiring, open_ = graph.wiring(), list(names)
    found = set[str]()
    while open_:
        name = open_.pop()
        if name not in found:
            found.add(name)
            open_ += [source for source in wiring[name] if source not in given]
    return [(name, layer, wiring[name]) for name, layer in graph.children() if name in found]


def _runs(parts: Sequence[Part], names: Sequence[str]) -> list[Run]:
    """The layers as calls, each with the outputs to free after it."""
    # A second reader of each output that is asked for: no call is fused over it.
    readers = [(f"{name} is asked for", nn.Identity(), (name,)) for name in names]
    calls = fused([*parts, *readers])[: -len(readers)]
    left = Counter(source for _, _, sources in calls for source in sources)
    made = []
    for called, call, inputs in calls:
        left.subtract(inputs)
        unread = () if left[called[-1]] else (called[-1],)
        dead = [name for name in dict.fromkeys(inputs) if left[name] == 0]
        made.append(Run(called, call, inputs, (*dead, *unread)))
    return made
