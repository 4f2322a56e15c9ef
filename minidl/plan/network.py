"""A plan of a network for one shape: the steps bound to kernels and memory, and their run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kernels.contract import chain, memory, threads
from kernels.contract.bound import Call
from minidl.nn.graph import INPUT, Graph
from minidl.plan.arena import Arena, Shape
from minidl.plan.binding import bind
from minidl.plan.fusion import Part, Step, placed, steps
from minidl.plan.places import Places
from minidl.plan.watching import Watched, watched
from minidl.tensor import Tensor, plain


@dataclass(frozen=True, eq=False)
class Network:
    """A network bound to kernels and memory for one shape of its input.

    steps:    what each call computes, in order.
    calls:    the compiled calls of each step; none for a view.
    chained:  all of them in order, in chains (`kernels/contract/chain.py`).
    source:   where the input is stored, with the layout that its first reader has.
    result:   where the output is.
    watched:  what the decisions depend on.
    nbytes:   of the memory of all results and of what kernels need beside them.
    """

    steps: tuple[Step, ...]
    calls: tuple[tuple[Call, ...], ...]
    chained: tuple[Call, ...]
    source: np.ndarray
    result: np.ndarray
    watched: Watched
    nbytes: int

    def run(self, x: np.ndarray) -> Tensor:
        """The network's output for x, of the shape and type that it was made for."""
        with threads.region():
            memory.copy(x, self.source)
            for call in self.chained:
                call()
            y = memory.empty_like(self.result)
            y[...] = self.result
        return plain(y)


def bound(network: Graph, parts: Sequence[Part], shapes: Mapping[str, Shape]) -> Network:
    """The plan of a network.

    parts:  the layers that the output needs, each after its inputs.
    shapes: of each result, and of the input (`INPUT`).
    """
    every, output = steps(parts, shapes), network.output
    last = {name: i for i, step in enumerate(every) for name in step.reads}
    last[output] = len(every)
    places = Places(Arena(), shapes, placed(every, shapes))
    places.new(INPUT)
    calls = list[tuple[Call, ...]]()
    for i, step in enumerate(every):
        dying = {name for name in step.reads if last[name] == i}
        calls.append(bind(step, places, dying))
        places.end_of_step(dying)
    chained = chain.joined(call for some in calls for call in some)
    memory_of = places[INPUT], places[output]
    return Network(
        tuple(every), tuple(calls), chained, *memory_of, watched(network), places.arena.most
    )
