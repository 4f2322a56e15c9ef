"""Networks that branch and join, forward in float64 (`chain.py` derives the bound of rounding)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.definition.chain import moved
from bench.definition.steps import Step
from minidl import nn


@dataclass
class Branches:
    """Steps by name, and the inputs of each. With `rng` every result is perturbed as by rounding,
    with `tf32` as by the rounding of factors too.

    Several inputs of a step are concatenated along the channels.
    """

    steps: Mapping[str, Step | None]
    wiring: Mapping[str, Sequence[str]]
    output: str
    rng: np.random.Generator | None = None
    tf32: bool = False

    def forward(self, x: np.ndarray) -> np.ndarray:
        outputs = {nn.INPUT: x}
        for name, step in self.steps.items():
            fed = [outputs[source] for source in self.wiring[name]]
            y = fed[0] if len(fed) == 1 else np.concatenate(fed, 1)
            outputs[name] = y if step is None else self._moved(step, step.forward(y))
        return outputs[self.output]

    def _moved(self, step: Step, y: np.ndarray) -> np.ndarray:
        return moved(y, step.terms, self.rng, self.tf32 and step.products)
