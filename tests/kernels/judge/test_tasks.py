"""Tasks in KernelBench's form: right solutions hold, and the mistake of each wrong one is found."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kernels.judge import forms  # noqa: E402
from kernels.judge.forms import modules  # noqa: E402
from kernels.judge.remote import Guest  # noqa: E402
from kernels.judge.tasks.definition import evaluated  # noqa: E402
from kernels.judge.tasks.operation import properties, task_of  # noqa: E402
from kernels.judge.tasks.steps import read  # noqa: E402
from kernels.verify.calls import make  # noqa: E402
from kernels.verify.runner import try_property  # noqa: E402
from tests.kernels.judge.guests import QUICK  # noqa: E402

FOLDER = Path(__file__).parent / "kernelbench"
TASKS = sorted(f.stem for f in FOLDER.glob("*.py") if f.stem != "__init__")
SAMPLE = ("conv2d_bias_relu_pool", "half_precision")
"""Tasks of which a process is begun in CI; all with JUDGE_TASKS=all."""
PROCESSES = TASKS if os.environ.get("JUDGE_TASKS") == "all" else SAMPLE


@pytest.mark.parametrize("solution", ["Right", "Wrong"])
@pytest.mark.parametrize("name", PROCESSES)
def test_a_solution_is_judged_in_its_process(name: str, solution: str, tmp_path: Path) -> None:
    file = tmp_path / f"{name}.py"
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    file.write_text(f"{text}\n\nModelNew = {solution}\n", encoding="utf-8")
    guest = Guest(str(file), QUICK)
    try:
        (kernel,) = guest.load()
        laws = [properties()[law] for law in ("definition", "statistical line", "one element")]
        outcomes = [try_property(kernel, law, 10) for law in laws]
    finally:
        guest.end()
    wrong = [o.failure.reason if o.failure else o.unmet for o in outcomes if not o.holds]
    assert bool(wrong) == (solution == "Wrong"), wrong


@pytest.mark.parametrize("name", TASKS)
def test_the_definition_is_pytorchs(name: str) -> None:
    """In float64, within the bound for float64; and float32 is within the bound for float32."""
    scope: dict[str, object] = {"__name__": f"{name}_1"}
    exec((FOLDER / f"{name}.py").read_text(encoding="utf-8"), scope)
    (kernel,) = modules.found(_Scope(scope))  # type: ignore[arg-type]
    task = read(name, kernel.task)  # type: ignore[attr-defined]
    call = make("task", task, "normal", 3, np.float32)
    value = evaluated(task, call.inputs, np.dtype(np.float32))
    result = kernel(*call.inputs.values(), task)
    assert np.isfinite(value.e).all()
    assert (np.abs(result - value.v) <= value.e).all()
    typical = evaluated(task, call.inputs, np.dtype(np.float32), typical=True)
    assert (np.abs(result - typical.v) <= typical.e).all()
    model = kernel.function.candidate.double()  # type: ignore[attr-defined]
    state = {n: torch.from_numpy(call.inputs[n].astype(np.float64)) for n, _ in task.weights}
    model.load_state_dict(state, strict=False)
    inputs = [
        torch.from_numpy(call.inputs[f"x{i}"].astype(np.float64)) for i in range(len(task.inputs))
    ]
    with torch.no_grad():
        exact = model(*inputs).numpy()
    bound = evaluated(task, call.inputs, np.dtype(np.float64)).e
    assert (np.abs(exact - value.v) <= 2 * bound).all()


class _Scope:
    """A module whose names are these."""

    def __init__(self, names: dict[str, object]) -> None:
        self.__dict__.update(names)


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ("nn.Conv2d(3, 4, 3), nn.Bilinear(2, 2, 2)", "Bilinear"),
        ("nn.MaxPool2d(2, ceil_mode=True)", "ceil_mode"),
        ("nn.Conv2d(3, 4, 3, padding_mode='reflect')", "reflect"),
        ("nn.Conv2d(3, 4, 3), nn.Dropout(0.5)", "random"),
    ],
)
def test_what_is_not_read_is_named(layers: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "task.py"
    file.write_text(
        "import torch\nfrom torch import nn\n\n"
        "class Model(nn.Sequential):\n    def __init__(self):\n"
        f"        super().__init__({layers})\n\n"
        "def get_inputs():\n    return [torch.randn(1, 3, 8, 8)]\n",
        encoding="utf-8",
    )
    with pytest.raises(ValueError, match=said):
        forms.load(str(file))


def test_other_names_of_weights_are_matched_by_their_shapes(tmp_path: Path) -> None:
    text = (FOLDER / "linear_gelu.py").read_text(encoding="utf-8")
    other = (
        "class ModelNew(nn.Module):\n    def __init__(self, C, K):\n        super().__init__()\n"
        "        self.w = nn.Parameter(torch.empty(K, C))\n        self.b = nn.Parameter("
        "torch.empty(K))\n    def forward(self, x):\n        return F.gelu(x @ self.w.T + self.b)\n"
    )
    file = tmp_path / "named.py"
    file.write_text(f"{text}\nimport torch.nn.functional as F\n{other}", encoding="utf-8")
    guest = Guest(str(file), QUICK)
    try:
        (kernel,) = guest.load()
        assert task_of(kernel).inputs == ((2, 32),)
        outcome = try_property(kernel, properties()["definition"], 5)
    finally:
        guest.end()
    assert outcome.holds, outcome
