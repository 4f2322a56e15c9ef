"""Solutions in C++ and CUDA of tasks in KernelBench's form: right ones hold, wrong ones do not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch")

from kernels.judge import conduct
from kernels.judge.remote import Remote
from kernels.judge.tasks.operation import properties
from kernels.judge.verdict import Judgement
from kernels.verify.runner import try_property
from tests.kernels.judge.guests import QUICK

FOLDER = Path(__file__).parent / "kernelbench"
SOLVED = sorted(f.name for suffix in ("cpp", "cu") for f in FOLDER.glob(f"*.{suffix}"))
NAMES = SOLVED if os.environ.get("JUDGE_TASKS") == "all" else ("depthwise.cpp", "product.cu")
"""Solutions that are compiled in CI; all with JUDGE_TASKS=all."""
pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")


@pytest.mark.parametrize("mistake", [False, True], ids=["right", "wrong"])
@pytest.mark.parametrize("name", NAMES)
def test_a_solution_is_judged_by_the_task_beside_it(
    name: str, mistake: bool, tmp_path: Path
) -> None:
    task = Path(name).with_suffix(".py")
    shutil.copyfile(FOLDER / task, tmp_path / task)
    file = tmp_path / name
    text = (FOLDER / name).read_text(encoding="utf-8")
    file.write_text("#define WRONG\n" * mistake + text, encoding="utf-8")
    judgement = Judgement(QUICK)
    try:
        judgement.load(str(file))
        assert not judgement.unread
        (kernel,) = judgement.source_of
        assert isinstance(kernel, Remote)
        laws = properties()
        outcomes = [try_property(kernel, laws["definition"], 10, shrink=False)]
        if not mistake or all(outcome.holds for outcome in outcomes):
            outcomes.append(try_property(kernel, laws["statistical line"], 20, shrink=False))
            *_, sanitized = conduct.Hearing(kernel).at_end()
            assert sanitized.law is conduct.SANITIZED and (mistake or sanitized.examples > 10)
            outcomes.append(sanitized)
    finally:
        judgement.close()
    assert all(o.holds for o in outcomes) == (not mistake), outcomes


def test_a_solution_without_its_task_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "product.cpp"
    shutil.copyfile(FOLDER / "product.cpp", file)
    judgement = Judgement(QUICK)
    judgement.load(str(file))
    judgement.close()
    assert "needs product.py beside its source" in judgement.unread[0]
