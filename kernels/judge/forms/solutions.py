"""Solutions in C and C++ of tasks that are modules of PyTorch, as kernels.

    // task.cpp, beside task.py with Model and get_inputs
    extern "C" void solve(const float *x, const float *weight, const float *bias, float *y);

The arguments are the inputs, the weights in the order in which the layers of `Model` use them, and
the result; all are row-major, of the shapes of the task, which the source may rely on; of one input
that the module serves in smaller batches, two images. The result is filled with NaN and lies
between pages that fault.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np

from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.kernel import Kernel
from kernels.judge.forms.calls import Said
from kernels.judge.forms.memory import between_guards, packed, pointer
from kernels.judge.forms.modules import Module, reference

ENTRY = "solve"


def found(source: str, library: Any) -> list[Kernel]:
    """The function `solve` of a shared library as a kernel; none if it has no such function."""
    solve = getattr(library, ENTRY, None)
    if solve is None:
        return []
    name = Path(source).name.split(".")[0]
    able = Abilities(supports=lambda problem: problem.dtype == np.float32)
    solution = Solution(solve, _described(Path(source)))
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
    task = reference(module)
    if task["storage"]:
        raise ValueError(f"{file.name} is in {task['storage']}, and {ENTRY} takes float")
    return task


class Solution:
    """The function, called with the arrays of a task."""

    def __init__(self, solve: Any, task: Said) -> None:
        self.solve, self.task = solve, task
        self.turn = 0

    def __call__(self, *arrays: np.ndarray) -> np.ndarray:
        self.turn += 1
        given = [packed(a) for a in arrays]
        result = between_guards(
            tuple(self.task["result"]), np.dtype(np.float32), self.turn % 3 != 0
        )
        self.solve(*map(pointer, given), pointer(result))
        return result
