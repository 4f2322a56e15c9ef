"""Solutions in C, C++ and CUDA of tasks that are modules of PyTorch, as kernels.

    // task.cpp, beside task.py with Model and get_inputs
    extern "C" void solve(const float *x, const float *weight, const float *bias, float *y);

The arguments are the inputs, the weights in the order in which the layers of `Model` use them, and
the result; all are row-major, of the shapes of the task, which the source may rely on; of one input
that the module serves in smaller batches, two images. The result is filled with NaN and lies
between pages that fault. Of a task in float16 or bfloat16 all are of that type, in two bytes.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.kernel import Kernel
from kernels.judge.forms.calls import Said
from kernels.judge.forms.memory import Opened, Pointers, between_guards, packed
from kernels.judge.forms.modules import Module, reference

ENTRY = "solve"


def found(source: str, library: Opened) -> list[Kernel]:
    """The function `solve` of a shared library as a kernel; none if it has no such function."""
    solve = getattr(library.functions, ENTRY, None)
    if solve is None:
        return []
    name = Path(source).name.split(".")[0]
    able = Abilities(supports=lambda problem: problem.dtype == np.float32)
    solution = Solution(solve, library.operands, _described(Path(source)))
    return [Module("task", name, "cpu", solution, Accuracy(spreads="plane"), Cost(), able)]


def _described(library: Path) -> Said:
    """The task beside a library, described already or by its module; ValueError if there is none.

    Where the address sanitizer is loaded, PyTorch is not: the description was made elsewhere.
    """
    if library.with_suffix(".json").is_file():
        described: Said = json.loads(library.with_suffix(".json").read_text(encoding="utf-8"))
        return described
    file = library.with_suffix(".py")
    if not file.is_file():
        raise ValueError(
            f"{library.stem} has a function {ENTRY}, which needs {file.name} beside its source, "
            "with Model and get_inputs"
        )
    spec = importlib.util.spec_from_file_location("task_of_solution", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return reference(module)


class Solution:
    """The function, called with the arrays of a task."""

    def __init__(
        self, solve: Any, operands: Callable[[list[np.ndarray]], Pointers], task: Said
    ) -> None:
        self.solve, self.operands, self.task = solve, operands, task
        self.stored = STORED[task["storage"]]
        self.turn = 0

    def __call__(self, *arrays: np.ndarray) -> np.ndarray:
        self.turn += 1
        given = [packed(self.stored.bits(a)) for a in arrays]
        shape, at_end = tuple(self.task["result"]), self.turn % 3 != 0
        result = between_guards(shape, self.stored.dtype, at_end)
        with self.operands([*given, result]) as pointers:
            self.solve(*pointers)
        return self.stored.values(result)


@dataclass(frozen=True)
class Stored:
    """How numbers are stored; bits: of values that the type has; values: of bits, in float32."""

    dtype: np.dtype
    bits: Callable[[np.ndarray], np.ndarray]
    values: Callable[[np.ndarray], np.ndarray]


def _upper_bits(a: np.ndarray) -> np.ndarray:
    """The bfloat16 of values in float32 that it has: their upper 16 bits."""
    bits = np.ascontiguousarray(a, np.float32).view(np.uint32) >> np.uint32(16)
    return bits.astype(np.uint16).reshape(np.shape(a))


def _widened(bits: np.ndarray) -> np.ndarray:
    wide: np.ndarray = (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return wide


STORED = {
    "": Stored(np.dtype(np.float32), lambda a: a, lambda a: a),
    "float16": Stored(
        np.dtype(np.float16), lambda a: a.astype(np.float16), lambda a: a.astype(np.float32)
    ),
    "bfloat16": Stored(np.dtype(np.uint16), _upper_bits, _widened),
}
"""By the storage of a task."""
