"""Functions `custom_kernel(data)` as GPU kernel competitions have them, as kernels.

    def custom_kernel(data): ...            # what is judged
    def generate_input(**arguments): ...    # the operands: a tensor, or a tuple with numbers
    def ref_kernel(data): ...               # what is to be computed

The last two are in the same file, or in `reference.py` beside it. The arguments are those of the
tests in `task.yml` beside it, the smallest `MOST_CASES`, or the defaults. `ref_kernel` is read by
`torch.fx` and described as data, as modules are; it is no oracle, and neither are the tolerances of
`check_implementation`. An operand that `ref_kernel` writes to is where the result belongs.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import math
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.kernel import Kernel
from kernels.judge.forms import tensors
from kernels.judge.forms.calls import Said
from kernels.judge.forms.layers import read, sized
from kernels.judge.forms.modules import Module

MOST_CASES = 3
ENTRY, OPERANDS, DEFINITION = "custom_kernel", "generate_input", "ref_kernel"
_CASE = re.compile(r"^\s*-\s*(\{.*\})\s*$")
_SECTION = re.compile(r"^(\w+)\s*:")


def is_submission(source: str) -> bool:
    """Whether the file defines such a function; it is not imported."""
    text = Path(source).read_text(encoding="utf-8", errors="replace")
    return re.search(rf"^(def {ENTRY}\b|{ENTRY}\s*=)", text, re.MULTILINE) is not None


def prepare(source: str) -> None:
    """Lets the file import the modules of its task beside it, and `task`, which has types alone."""
    folder = str(Path(source).resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)
    if "task" not in sys.modules and importlib.util.find_spec("task") is None:
        types = ModuleType("task")
        types.__dict__.update(input_t=Any, output_t=Any)
        sys.modules["task"] = types


def found(module: ModuleType) -> list[Kernel]:
    """The function of the file as kernels, one for each case; none if it has no such function."""
    entry = vars(module).get(ENTRY)
    if not callable(entry):
        return []
    folder = Path(str(module.__file__)).resolve().parent
    of_task = _task_module(module, folder)
    name = str(module.__name__).rpartition("_")[0]
    made: list[Kernel] = []
    for arguments in _cases(of_task, folder):
        submission = Submission(entry, of_task, arguments)
        words = "".join(f" {k}={v}" for k, v in arguments.items())
        able = Abilities(supports=lambda problem: problem.dtype == np.float32)
        anywhere = Accuracy(spreads="plane")
        made.append(Module("task", name + words, "cpu", submission, anywhere, Cost(), able))
    return made


def _task_module(module: ModuleType, folder: Path) -> ModuleType:
    """The module that has the operands and the definition."""
    if all(hasattr(module, name) for name in (OPERANDS, DEFINITION)):
        return module
    file = folder / "reference.py"
    if not file.is_file():
        raise ValueError(
            f"{ENTRY} needs {OPERANDS}(...) and {DEFINITION}(data), in the same file or in "
            f"{file.name} beside it"
        )
    spec = importlib.util.spec_from_file_location("reference_of_task", file)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    lacks = [name for name in (OPERANDS, DEFINITION) if not hasattr(made, name)]
    if lacks:
        raise ValueError(f"{file} has no function {' and no '.join(lacks)}")
    return made


def _cases(of_task: ModuleType, folder: Path) -> list[dict[str, Any]]:
    """The arguments of `generate_input`, those of the fewest elements first."""
    file = folder / "task.yml"
    cases = _listed(file.read_text(encoding="utf-8")) if file.is_file() else []
    if not cases:
        parameters = inspect.signature(getattr(of_task, OPERANDS)).parameters.values()
        needed = [p.name for p in parameters if p.default is p.empty and p.name != "seed"]
        if needed:
            raise ValueError(
                f"{OPERANDS} needs {', '.join(needed)}: give them defaults, or write the tests "
                "into task.yml beside the file, each as - {size: 64, seed: 1}"
            )
        cases = [{"seed": 0} if any(p.name == "seed" for p in parameters) else {}]
    cases.sort(key=lambda c: math.prod(v for k, v in c.items() if isinstance(v, int) and v > 0))
    return cases[:MOST_CASES]


def _listed(text: str) -> list[dict[str, Any]]:
    """The mappings of the list `tests` of a task.yml, each written on a line of its own."""
    found, section = [], ""
    for line in text.splitlines():
        if named := _SECTION.match(line):
            section = named[1]
        elif section == "tests" and (case := _CASE.match(line)):
            quoted = re.sub(r'([{,]\s*)"?(\w+)"?\s*:', r'\1"\2":', case[1])
            found.append(json.loads(quoted))
    return found


class Submission:
    """The judged function, on the operands of one case."""

    def __init__(self, entry: Callable[[Any], Any], of_task: ModuleType, arguments: Any) -> None:
        self.entry = entry
        self.operands = Operands.of(getattr(of_task, OPERANDS)(**arguments))
        self.operands = self.operands.without_results(getattr(of_task, DEFINITION))
        steps = self._steps(getattr(of_task, DEFINITION))
        shapes = [list(t.shape) for t in self.operands.read]
        self.task: Said = {
            "inputs": shapes,
            "weights": [],
            "steps": sized(steps, {f"x{i}": s for i, s in enumerate(shapes)}),
            "storage": tensors.storage(self.operands.read),
        }

    def _steps(self, definition: Callable[[Any], Any]) -> list[Said]:
        fx = __import__("torch.fx", fromlist=["fx"])
        graph = fx.Graph()
        tracer = fx.proxy.GraphAppendingTracer(graph)
        count = len(self.operands.read)
        given = [fx.Proxy(graph.placeholder(f"x{i}"), tracer) for i in range(count)]
        result = definition(self.operands.with_values(given, Written))
        node = result.value if isinstance(result, Written) else result
        if not isinstance(node, fx.Proxy):
            raise ValueError(
                f"{DEFINITION} returns {type(node).__name__}, no array of its operands"
            )
        graph.output(node.node)
        return read(graph)

    def __call__(self, *arrays: np.ndarray) -> Any:
        torch = __import__("torch")
        given = [
            tensors.tensor(a, t.dtype) for a, t in zip(arrays, self.operands.read, strict=True)
        ]
        data = self.operands.with_values(given, lambda like: torch.full_like(like, math.nan))
        with torch.no_grad():
            return tensors.array(self.entry(data))


class Written:
    """An operand of the traced definition that takes the result."""

    def __init__(self, like: Any) -> None:
        self.shape, self.dtype, self.device = like.shape, like.dtype, like.device
        self.value: Any = None

    def __setitem__(self, where: Any, value: Any) -> None:
        if where not in (..., slice(None)):
            raise ValueError(f"{DEFINITION} writes its result in parts, which is not read")
        self.value = value

    def copy_(self, value: Any) -> Written:
        self.value = value
        return self


@dataclass(frozen=True)
class Operands:
    """The data of a case: its parts, those that are read, and those that take the result.

    alone: the data is the one part, not a tuple of it.
    """

    parts: Sequence[Any]
    alone: bool
    results: frozenset[int] = frozenset()

    @classmethod
    def of(cls, data: Any) -> Operands:
        torch = __import__("torch")
        alone = not isinstance(data, tuple | list)
        parts = [data] if alone else list(data)
        floats = [p for p in parts if isinstance(p, torch.Tensor)]
        others = {str(t.dtype) for t in floats if not t.dtype.is_floating_point}
        taken = torch.Tensor | int | float | None
        odd = [type(p).__name__ for p in parts if not isinstance(p, taken)]
        if others or odd or not floats:
            raise ValueError(
                f"{OPERANDS} gives {', '.join([*sorted(others), *odd]) or 'no tensor'}; the judge "
                "takes tensors of float16, bfloat16, float32, and numbers"
            )
        return cls(parts, alone)

    @property
    def read(self) -> list[Any]:
        """The tensors that are read."""
        torch = __import__("torch")
        return [p for i, p in enumerate(self.parts)
                if isinstance(p, torch.Tensor) and i not in self.results]  # fmt: skip

    def without_results(self, definition: Callable[[Any], Any]) -> Operands:
        """The same, once a call of the definition has shown which parts it writes to."""
        torch = __import__("torch")
        copies = [p.clone() if isinstance(p, torch.Tensor) else p for p in self.parts]
        with torch.no_grad():
            result = definition(copies[0] if self.alone else tuple(copies))
        written = frozenset(
            i for i, (p, c) in enumerate(zip(self.parts, copies, strict=True))
            if isinstance(p, torch.Tensor) and (c is result or not torch.equal(p, c))
        )  # fmt: skip
        return Operands(self.parts, self.alone, written)

    def with_values(self, values: Sequence[Any], taking: Callable[[Any], Any]) -> Any:
        """The data with other tensors in the place of those that are read."""
        torch, left = __import__("torch"), list(values)
        parts = [
            p if not isinstance(p, torch.Tensor)
            else taking(p) if i in self.results
            else left.pop(0)
            for i, p in enumerate(self.parts)
        ]  # fmt: skip
        return parts[0] if self.alone else tuple(parts)
