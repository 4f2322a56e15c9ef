"""Sequences of layers in float64, and a bound on the effect of float32 rounding on their results.

A worst-case bound through eight layers is larger than the result. So the definition is computed a
second time with noise. Each layer's output there (backward its gx, at the end the gradients of its
weights) is perturbed by normal noise of sqrt(n) eps/2 times the array's root mean square. n is the
number of roundings on the way to an element: n independent roundings of partial sums as large as
the result amount to that (`kernels/bounds.py`: Higham, Mary). The bound is the root mean square of
the difference of the two results, times the `LAMBDA` of those bounds. Decisions that rounding can
reverse (ReLU, switches) are reversed in the perturbed computation as well. For a library that
rounds factors to TF32 (`tf32.py`), the noise of products is larger by that rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.definition import steps
from bench.definition.steps import Step
from bench.definition.tf32 import FACTORS
from kernels.bounds import LAMBDA, eps
from minidl import nn

CHUNK = 4
"""Images computed at once, so that memory does not grow with the batch."""
SEED = 5


def step_of(layer: nn.Module) -> Step:
    """The definition of a layer of `minidl.nn`; dropout is left out."""
    weights: dict[str, Any] = layer.state_dict()
    settings: dict[str, Any] = getattr(layer, "settings", {})
    made: dict[type, Any] = {
        nn.Conv2d: lambda: steps.Convolve(**weights, settings=settings),
        nn.Linear: lambda: steps.Multiply(**weights),
        nn.ReLU: steps.Rectify,
        nn.MaxPool2d: lambda: steps.MaxPool(settings),
        nn.LocalContrastNorm: lambda: steps.NormaliseContrast(settings),
        nn.LocalResponseNorm: lambda: steps.NormaliseResponse(settings),
        nn.GlobalAvgPool2d: steps.Average,
        nn.Flatten: steps.Flatten,
    }
    step: Step = made[type(layer)]()
    return step


def steps_of(model: nn.Sequential) -> dict[str, Step]:
    """The definition of every layer of a network by its name."""
    layers = model.children()
    return {name: step_of(layer) for name, layer in layers if not isinstance(layer, nn.Dropout)}


@dataclass
class Chain:
    """A sequence of steps. With `rng` every result of a step is perturbed as by rounding, with
    `tf32` as by the rounding of factors too."""

    steps: Mapping[str, Step]
    rng: np.random.Generator | None = None
    tf32: bool = False

    def forward(self, x: np.ndarray) -> np.ndarray:
        for step in self.steps.values():
            x = moved(step.forward(x), step.terms, self.rng, self.tf32 and step.products)
        return x

    def backward(self, gy: np.ndarray) -> np.ndarray:
        for step in reversed(list(self.steps.values())):
            coarse = self.tf32 and step.products
            gy = moved(step.backward(gy), step.back_terms, self.rng, coarse)
        return gy

    def gradients(self, batch: int) -> Iterator[tuple[str, np.ndarray]]:
        """("conv1.weight", the gradient summed over the batch) of every weight."""
        for name, step in self.steps.items():
            for weight, g in step.gradients.items():
                terms = batch * max(step.weight_terms, 1)
                coarse = self.tf32 and step.products
                yield f"{name}.{weight}", moved(g, terms, self.rng, coarse)


def moved(
    y: np.ndarray, terms: int, rng: np.random.Generator | None, coarse: bool = False
) -> np.ndarray:
    """y with noise as large as the effect of `terms` roundings, and of TF32's factors if `coarse`;
    y itself without `rng` or roundings."""
    if rng is None or not terms:
        return y
    share = math.sqrt(terms) * eps(np.float32) / 2 + FACTORS * coarse
    return y + share * rms(y) * rng.standard_normal(y.shape)


def rms(a: np.ndarray) -> float:
    """The root of the mean square of a."""
    return float(np.sqrt(np.mean(np.square(a)))) if a.size else 0.0


def allowed(expected: np.ndarray, moved: np.ndarray) -> float:
    """The error bound of a result, from the definition's result and the perturbed one."""
    return LAMBDA * (rms(moved - expected) + eps(np.float32) * rms(expected))
