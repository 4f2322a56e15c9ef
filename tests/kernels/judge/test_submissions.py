"""Submissions `custom_kernel(data)`, as GPU kernel competitions have them, and narrow types."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kernels.judge import forms  # noqa: E402
from kernels.judge.remote import Guest, Remote  # noqa: E402
from kernels.judge.tasks.definition import evaluated  # noqa: E402
from kernels.judge.tasks.operation import properties, task_of  # noqa: E402
from kernels.judge.tasks.steps import read  # noqa: E402
from kernels.verify.calls import make  # noqa: E402
from kernels.verify.runner import try_property  # noqa: E402
from tests.kernels.judge.guests import QUICK  # noqa: E402

REFERENCE = """
import torch
import torch.nn.functional as F
from task import input_t, output_t

def generate_input(size: int, channels: int, seed: int, dtype=torch.float32) -> input_t:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(2, channels, size, size, generator=random).to(dtype)
    w = torch.randn(4, channels, 3, 3, generator=random).to(dtype)
    return x, w, torch.empty(2, 4, size - 2, size - 2, dtype=dtype), 3

def ref_kernel(data: input_t) -> output_t:
    x, w, out, taps = data
    out[...] = torch.relu(F.conv2d(x, w, stride=1))
    return out
"""
CASES = """
files:
  - {"name": "submission.py", "source": "@SUBMISSION@"}
tests:
  - {"size": 40, "channels": 8, "seed": 1}
  - {size: 7, channels: 3, seed: 2}
benchmarks:
  - {"size": 1000, "channels": 64, "seed": 1}
"""
KERNEL = """
import torch
import torch.nn.functional as F
from task import input_t, output_t

def custom_kernel(data: input_t) -> output_t:
    x, w, out, taps = data
    return out.copy_(RESULT)
"""
RIGHT = "F.conv2d(x.double(), w.double()).clamp(min=0).to(x.dtype)"
WRONG = {
    "the filter transposed": "F.conv2d(x, w.transpose(2, 3)).clamp(min=0)",
    "the buffer as it was": "out",
}
NARROW = REFERENCE.replace("torch.float32", "torch.float16")
LOSSY = """sum(
        (x[:, None, :, r:r + out.shape[2], s:s + out.shape[3]] * w[None, :, :, r, s, None, None])
        .sum(2, dtype=x.dtype) for r in range(3) for s in range(3)).clamp(min=0)"""
"""Sums in the type of the operands, tap by tap."""


@contextmanager
def submitted(folder: Path, result: str, reference: str = REFERENCE) -> Iterator[list[Remote]]:
    (folder / "reference.py").write_text(reference, encoding="utf-8")
    (folder / "task.yml").write_text(CASES, encoding="utf-8")
    file = folder / "submission.py"
    file.write_text(KERNEL.replace("RESULT", result), encoding="utf-8")
    guest = Guest(str(file), QUICK)
    try:
        yield guest.load()
    finally:
        guest.end()


def wrong(kernel: Remote, *laws: str) -> list[str]:
    outcomes = [try_property(kernel, properties()[law], 8) for law in laws]
    return [o.failure.reason if o.failure else o.unmet for o in outcomes if not o.holds]


def test_a_right_submission_holds_on_the_tests_of_its_task(tmp_path: Path) -> None:
    with submitted(tmp_path, RIGHT) as kernels:
        assert [k.name for k in kernels] == [
            "submission size=7 channels=3 seed=2",
            "submission size=40 channels=8 seed=1",
        ]
        assert task_of(kernels[0]).inputs == ((2, 3, 7, 7), (4, 3, 3, 3))
        assert not wrong(kernels[0], "definition", "statistical line", "one element")


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_submission_fails(mistake: str, tmp_path: Path) -> None:
    with submitted(tmp_path, WRONG[mistake]) as kernels:
        assert wrong(kernels[0], "definition")


def test_in_float16_sums_in_float32_hold_and_sums_in_float16_do_not(tmp_path: Path) -> None:
    (tmp_path / "right").mkdir()
    (tmp_path / "lossy").mkdir()
    with submitted(tmp_path / "right", RIGHT, NARROW) as kernels:
        assert task_of(kernels[1]).storage == "float16"
        assert not wrong(kernels[1], "definition", "statistical line")
    with submitted(tmp_path / "lossy", LOSSY, NARROW) as kernels:
        assert wrong(kernels[1], "definition", "statistical line")


@pytest.mark.parametrize("storage", ["float16", "bfloat16"])
def test_the_bound_of_a_storage_is_that_of_the_sums_and_one_rounding(storage: str) -> None:
    """PyTorch's own product in float32, rounded to the type, is within it and close to it."""
    said = {"inputs": [[9, 300], [300, 11]], "weights": [], "storage": storage,
            "steps": [{"kind": "matmul", "settings": {}, "weights": {}}]}  # fmt: skip
    task = read("product", said)
    call = make("task", task, "normal", 5, np.float32)
    kind = getattr(torch, storage)
    x0, x1 = (torch.from_numpy(a).to(kind) for a in call.inputs.values())
    result = (x0.float() @ x1.float()).to(kind).float().numpy()
    value = evaluated(task, call.inputs, np.dtype(np.float32), typical=True)
    share = np.abs(result - value.v) / value.e
    assert 0.5 < share.max() <= 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def custom_kernel(data): return data", "reference.py"),
        ("def custom_kernel(data): return data\ndef generate_input(n): pass\n"
         "def ref_kernel(data): return data", "generate_input needs n"),
        ("import torch\ndef custom_kernel(data): return data\n"
         "def generate_input(): return torch.zeros(3, dtype=torch.int64)\n"
         "def ref_kernel(data): return data", "torch.int64"),
        ("import torch\ndef custom_kernel(data): return data\n"
         "def generate_input(): return torch.zeros(3)\n"
         "def ref_kernel(data): return torch.cumsum(data, 0)", "ref_kernel has cumsum"),
    ],
)  # fmt: skip
def test_what_is_missing_in_a_submission_is_named(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "submission.py"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        forms.load(str(file))
