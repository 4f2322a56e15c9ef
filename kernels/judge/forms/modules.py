"""Modules of PyTorch in the form of KernelBench's tasks (Ouyang et al. 2025), as kernels.

    class Model(torch.nn.Module): ...       # what is to be computed
    class ModelNew(torch.nn.Module): ...    # what should compute it; without it, Model is judged
    def get_inputs(): ...
    def get_init_inputs(): ...

The structure of `Model` is read by `torch.fx` and described as data. `Model` itself is no oracle:
the judge evaluates the described layers by its own definition. Weights are the judge's too; they
are written into the module's state before each call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.kernel import Kernel
from kernels.judge.forms import tensors
from kernels.judge.forms.calls import Said
from kernels.judge.forms.layers import described, sized

IMAGES = 2
"""Images of a call, where the module serves fewer than `get_inputs` gives."""


def found(module: ModuleType) -> list[Kernel]:
    """The module of the file as a kernel; none if it has no `Model`."""
    names = vars(module)
    if "Model" not in names or "get_inputs" not in names:
        return []
    torch = __import__("torch")
    torch.manual_seed(0)
    made = names.get("get_init_inputs", list)()
    arguments, keywords = _arguments(made)
    model = names["Model"](*arguments, **keywords)
    torch.manual_seed(0)
    candidate = names.get("ModelNew", names["Model"])(*arguments, **keywords)
    inputs = [x for x in names["get_inputs"]() if isinstance(x, torch.Tensor)]
    name = str(module.__name__).rpartition("_")[0]
    candidate_of = Candidate(candidate, model, inputs)
    kernel = Module("task", name, "cpu", candidate_of, Accuracy(spreads="plane"), Cost(),
                    Abilities(supports=lambda problem: problem.dtype == np.float32))  # fmt: skip
    return [kernel]


def reference(module: ModuleType) -> Said:
    """The task of a module as data, and the shape of its result."""
    kernels = found(module)
    if not kernels:
        raise ValueError(f"{module.__file__} has no Model and get_inputs")
    (kernel,) = kernels
    task: Said = kernel.function.task  # type: ignore[attr-defined]
    shapes = [*task["inputs"], *(shape for _, shape in task["weights"])]
    result = kernel.function(*(np.zeros(shape, np.float32) for shape in shapes))
    return {**task, "result": list(result.shape)}


def _arguments(made: Any) -> tuple[list[Any], dict[str, Any]]:
    """Arguments of a module: a list, or a list and a dictionary, as the tasks have them."""
    if isinstance(made, Mapping):
        return [], dict(made)
    if len(made) == 2 and isinstance(made[0], list) and isinstance(made[1], dict):
        return made[0], made[1]
    return list(made), {}


class Module(Kernel):
    """A kernel that is a module; it takes inputs and weights as they are."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self.function(*args[:-1])

    @property
    def task(self) -> Said:
        return self.function.task  # type: ignore[attr-defined]


class Candidate:
    """The judged module with the weights of its task."""

    def __init__(self, candidate: Any, model: Any, inputs: Sequence[Any]) -> None:
        self.torch = __import__("torch")
        self.candidate = candidate
        steps = described(model)
        used = dict.fromkeys(n for s in steps for n in s["weights"].values())
        state = model.state_dict()
        self.targets = _matched(candidate, {name: state[name] for name in used})
        shapes = [list(x.shape) for x in self._fewer(inputs)]
        weights = [[name, list(state[name].shape)] for name in used]
        self.count, self.dtype = len(shapes), inputs[0].dtype
        steps = sized(steps, dict(weights))
        self.task: Said = {"inputs": shapes, "weights": weights, "steps": steps,
                           "storage": tensors.storage(inputs)}  # fmt: skip

    def __call__(self, *arrays: np.ndarray) -> Any:
        torch = self.torch
        with torch.no_grad():
            for target, array in zip(self.targets, arrays[self.count :], strict=True):
                target.copy_(torch.from_numpy(tensors.own(array)))
            given = [tensors.tensor(a, self.dtype) for a in arrays[: self.count]]
            return tensors.array(self.candidate(*given))

    def _fewer(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """Two images of each input, if the module takes them; one input may be of fewer axes."""
        if len(inputs) != 1 or inputs[0].shape[0] <= IMAGES:
            return inputs
        fewer = [x[:IMAGES].contiguous() for x in inputs]
        try:
            with self.torch.no_grad():
                self.candidate(*fewer)
        except Exception:
            return inputs
        return fewer


def _matched(candidate: Any, weights: Mapping[str, Any]) -> list[Any]:
    """The candidate's tensors for these weights: of the same names, or in order by their shapes.

    ValueError if it has none.
    """
    state = candidate.state_dict()
    if all(n in state and state[n].shape == w.shape for n, w in weights.items()):
        return [state[name] for name in weights]
    left = [t for t in state.values() if t.ndim]
    matched = []
    for name, weight in weights.items():
        at = next((i for i, t in enumerate(left) if t.shape == weight.shape), None)
        if at is None:
            has = ", ".join(f"{n} {tuple(t.shape)}" for n, t in state.items()) or "none"
            raise ValueError(
                f"ModelNew has no weights {name} of shape {tuple(weight.shape)}, as Model has; its "
                f"state has {has}"
            )
        matched.append(left.pop(at))
    return matched
