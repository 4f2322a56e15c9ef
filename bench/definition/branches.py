"""Layers that branch and join, forward in float64 (`chain.py`: how far rounding moves them)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.definition.chain import moved
from bench.definition.steps import Step
from minidl import nn


@dataclass
class Branches:
    """Steps by name and what feeds each; with `rng`, every result is moved as rounding could.

    What several layers feed gets their outputs side by side along the channels.
    """

    steps: Mapping[str, Step | None]
    wiring: Mapping[str, Sequence[str]]
    output: str
    rng: np.random.Generator | None = None

    def forward(self, x: np.ndarray) -> np.ndarray:
        outputs = {nn.INPUT: x}
        for name, step in self.steps.items():
            fed = [outputs[source] for source in self.wiring[name]]
            y = fed[0] if len(fed) == 1 else np.concatenate(fed, 1)
            outputs[name] = y if step is None else moved(step.forward(y), step.terms, self.rng)
        return outputs[self.output]
