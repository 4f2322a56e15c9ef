"""Steps of a task: layers in their order, with settings and names of weights, as data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

Shape = tuple[int, ...]
KINDS = {
    "conv", "conv_transpose", "linear", "matmul", "max_pool", "avg_pool", "global_avg_pool",
    "batch_norm", "layer_norm", "group_norm", "relu", "leaky_relu", "sigmoid", "tanh", "gelu",
    "silu", "hardswish", "hardtanh", "softmax", "scale", "shift", "flatten",
}  # fmt: skip
MOST_ELEMENTS = 1 << 27
"""Of an input, or of the weights of a layer."""


@dataclass(frozen=True)
class Step:
    """One layer.

    kind:     one of KINDS.
    settings: numbers, or tuples with a number for each axis.
    weights:  its parameters and statistics: the name here -> the name in the module's state.
    """

    kind: str
    settings: tuple[tuple[str, Any], ...]
    weights: tuple[tuple[str, str], ...] = ()

    def __getitem__(self, name: str) -> Any:
        return dict(self.settings)[name]

    def __str__(self) -> str:
        shown = " ".join(f"{name}={value}" for name, value in self.settings)
        return f"{self.kind} {shown}".strip()


@dataclass(frozen=True)
class Task:
    """What is to be computed: the shapes of the inputs and of the weights, and the steps.

    It takes the place of a geometry.
    """

    name: str
    inputs: tuple[Shape, ...]
    weights: tuple[tuple[str, Shape], ...]
    steps: tuple[Step, ...]
    parts: ClassVar = ("Step",)
    """Classes that its text needs."""

    @property
    def shapes(self) -> dict[str, Shape]:
        """The arrays of a call, in their order."""
        inputs = {f"x{i}": shape for i, shape in enumerate(self.inputs)}
        return inputs | dict(self.weights)

    @property
    def operations(self) -> int:
        """Operations of the layers with weights, about: each weight at each pixel of the input."""
        pixels = max(math.prod((s[0], *s[2:])) for s in self.inputs)
        return 2 * pixels * sum(math.prod(shape) for _, shape in self.weights)

    def __str__(self) -> str:
        return f"{self.name}: {' -> '.join(map(str, self.steps))} of {self.inputs}"


def read(name: str, said: Mapping[str, Any]) -> Task:
    """The task that the module's process describes; ValueError if it is none."""
    try:
        task = Task(
            name,
            tuple(_shape(s) for s in said["inputs"]),
            tuple((str(n), _shape(s)) for n, s in said["weights"]),
            tuple(_step(s) for s in said["steps"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"its task is not described: {error}") from error
    if not task.inputs or not task.steps:
        raise ValueError("its task has no inputs, or no layers")
    return task


def _step(said: Mapping[str, Any]) -> Step:
    kind = str(said["kind"])
    if kind not in KINDS:
        raise ValueError(f"there is no layer {kind!r}")
    settings = tuple((str(k), _setting(v)) for k, v in said["settings"].items())
    return Step(kind, settings, tuple((str(k), str(v)) for k, v in said["weights"].items()))


def _setting(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_setting(v) for v in value)
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float) and math.isfinite(value):
        return value
    raise ValueError(f"{value!r} is no setting")


def _shape(sizes: Sequence[Any]) -> Shape:
    shape = tuple(int(size) for size in sizes)
    if min(shape, default=0) < 0 or math.prod(shape) > MOST_ELEMENTS:
        raise ValueError(f"an array of {shape} elements is too large to be judged")
    return shape
