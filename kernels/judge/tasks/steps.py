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

    storage: the type of inputs, weights and results of layers, "float16" or "bfloat16", whose sums
             are accumulated in float32; "" for float32 throughout.

    It takes the place of a geometry.
    """

    name: str
    inputs: tuple[Shape, ...]
    weights: tuple[tuple[str, Shape], ...]
    steps: tuple[Step, ...]
    storage: str = ""
    parts: ClassVar = ("Step",)
    """Classes that its text needs."""

    @property
    def shapes(self) -> dict[str, Shape]:
        """The arrays of a call, in their order."""
        inputs = {f"x{i}": shape for i, shape in enumerate(self.inputs)}
        return inputs | dict(self.weights)

    @property
    def operations(self) -> int:
        """Operations, about: one for each element, and each weight at each pixel of the input."""
        pixels = math.prod((self.inputs[0][0], *self.inputs[0][2:])) if self.inputs[0] else 1
        weights = {name for step in self.steps for _, name in step.weights}
        taps = sum(math.prod(shape) for name, shape in self.shapes.items() if name in weights)
        if any(step.kind == "matmul" for step in self.steps):
            taps += math.prod(self.inputs[1])
        return sum(map(math.prod, self.inputs)) + 2 * pixels * taps

    def __str__(self) -> str:
        kind = f" in {self.storage}" if self.storage else ""
        return f"{self.name}: {' -> '.join(map(str, self.steps))} of {self.inputs}{kind}"


def read(name: str, said: Mapping[str, Any]) -> Task:
    """The task that the module's process describes; ValueError if it is none."""
    try:
        task = Task(
            name,
            tuple(_shape(s) for s in said["inputs"]),
            tuple((str(n), _shape(s)) for n, s in said["weights"]),
            tuple(_step(s) for s in said["steps"]),
            _storage(said.get("storage", "")),
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


def _storage(name: Any) -> str:
    if name not in ("", "float16", "bfloat16"):
        raise ValueError(f"there is no storage in {name!r}")
    return str(name)


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
