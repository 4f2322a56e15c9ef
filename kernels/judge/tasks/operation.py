"""Operation "task": calls of a module, whose inputs and weights are drawn, judged by its task."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.bounds import within
from kernels.contract.registry import Kernel
from kernels.definition.precisions import ROUNDINGS
from kernels.judge.tasks.definition import STORAGES, evaluated
from kernels.judge.tasks.steps import Task
from kernels.verify.calls import OF_OTHERS, Bounds, Call, Operation, Results
from kernels.verify.property import PROPERTIES, Property, require

NAME = "task"
LARGEST_INPUT, LARGEST_WEIGHT = 8.0, 1.0
"""Magnitudes of operands in float16, whose largest number is 65504."""
SUITE = ("definition", "any memory", "inputs kept", "changed in place", "all written", "same bits",
         "any threads", "two threads", "one element", "same sum", "same address", "many calls",
         "racing")  # fmt: skip
"""Properties of any operation."""


class TaskOperation(Operation):
    """A module with the inputs and the weights of its task; the geometry is the task."""

    name = NAME

    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[Any]:
        return st.just(task_of(kernel))

    def shapes(self, g: Task) -> dict[str, tuple[int, ...]]:
        return g.shapes

    def fill(
        self, g: Task, fill: str, rng: np.random.Generator, dtype: Any
    ) -> dict[str, np.ndarray]:
        """Inputs as drawn; weights so small that layers keep the magnitude of their inputs."""
        drawn = super().fill(g, fill, rng, dtype)
        for name, shape in g.weights:
            terms = math.prod(shape[1:]) or 1
            drawn[name] = (rng.standard_normal(shape) / math.sqrt(terms)).astype(dtype)
            if name.endswith("running_var"):
                drawn[name] = np.abs(drawn[name]) + np.asarray(0.5, dtype)
        return _storable(g, drawn) if g.storage else drawn

    def define(self, call: Call) -> Results:
        return (evaluated(call.g, call.inputs, call.dtype).v,)

    def in_float64(self, call: Call) -> Results:
        return self.define(call)

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        return (evaluated(call.g, call.inputs, call.dtype).e,)


def _storable(g: Task, drawn: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The operands scaled so that sums stay in a narrow type, and rounded to it."""
    found = {}
    for name, a in drawn.items():
        largest = np.abs(a[np.isfinite(a)]).max(initial=0.0)
        most = LARGEST_INPUT if name == "x0" else LARGEST_WEIGHT
        scaled = a * a.dtype.type(most / largest) if largest > most else a
        found[name] = STORAGES[g.storage].rounded(scaled).astype(a.dtype)
    return found


OF_OTHERS[NAME] = TaskOperation()


def task_of(kernel: Kernel) -> Task:
    """The task of a kernel that is a module."""
    task: Task = kernel.function.task  # type: ignore[attr-defined]
    return task


def properties() -> dict[str, Property]:
    """The properties of a module by name: those of any operation, and the statistical line."""
    shared = [replace(PROPERTIES[name], operations=(NAME,)) for name in SUITE]
    float32 = [replace(p, drawn={**p.drawn, "dtypes": (np.float32,)}) for p in shared]
    return {law.name: law for law in (*float32, _line())}


def errs_like_its_type(kernel: Kernel, call: Call) -> None:
    """Roundings add up like a random walk, as they do in the type of the operands."""
    (result,) = call.run(kernel)
    value = evaluated(call.g, call.inputs, call.dtype, typical=True)
    require(
        within(result, value.v, value.e),
        f"errors are larger than those of sums in {call.dtype}{_named(call, result)}",
    )


def _named(call: Call, result: np.ndarray) -> str:
    """The type to which all operands were rounded, if that explains the result."""
    for name, change in ROUNDINGS.items():
        if name == "float32":
            continue
        rounded = {n: change(a) for n, a in call.inputs.items()}
        value = evaluated(call.g, rounded, call.dtype, typical=True)
        if within(result, value.v, value.e):
            return f"; these are the results for operands rounded to {name}"
    return ""


def _line() -> Property:
    law = PROPERTIES["definition"]
    drawn = {**law.drawn, "fills": ("normal",), "dtypes": (np.float32,), "optional": False}
    sentence = " ".join((errs_like_its_type.__doc__ or "").split())
    return replace(
        law, name="statistical line", sentence=sentence, operations=(NAME,), drawn=drawn,
        check=errs_like_its_type,
    )  # fmt: skip
