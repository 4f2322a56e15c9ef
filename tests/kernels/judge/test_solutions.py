"""Solutions in C++ of tasks in KernelBench's form: right ones hold, mistakes are found."""

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
SOLVED = sorted(f.stem for f in FOLDER.glob("*.cpp"))
NAMES = SOLVED if os.environ.get("JUDGE_TASKS") == "all" else ("depthwise",)
"""Tasks that are compiled in CI; all with JUDGE_TASKS=all."""
pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")


@pytest.mark.parametrize("mistake", [False, True], ids=["right", "wrong"])
@pytest.mark.parametrize("name", NAMES)
def test_a_solution_in_cpp_is_judged_by_the_task_beside_it(
    name: str, mistake: bool, tmp_path: Path
) -> None:
    shutil.copyfile(FOLDER / f"{name}.py", tmp_path / f"{name}.py")
    file = tmp_path / f"{name}.cpp"
    text = (FOLDER / f"{name}.cpp").read_text(encoding="utf-8")
    file.write_text("#define WRONG\n" * mistake + text, encoding="utf-8")
    judgement = Judgement(QUICK)
    try:
        judgement.load(str(file))
        assert not judgement.unread
        (kernel,) = judgement.source_of
        assert isinstance(kernel, Remote)
        outcomes = [try_property(kernel, properties()["definition"], 10, shrink=False)]
        if not mistake:
            *_, sanitized = conduct.Hearing(kernel).at_end()
            assert sanitized.law is conduct.SANITIZED and sanitized.examples > 10
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
