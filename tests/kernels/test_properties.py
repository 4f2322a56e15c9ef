"""Every property of the suite on every registered kernel, and the coverage of all operations.

CUDA kernels are tried in the emulator with few examples, with `--device emulator` with as many as
those of the CPU, and with `--device cuda` on the GPU.
"""

from __future__ import annotations

import os

import pytest

from kernels import all_kernels
from kernels.cuda import emulator
from kernels.verify import PROFILES, try_property
from kernels.verify.suite import Trial, plan

INTENSE = os.environ.get("HYPOTHESIS_PROFILE") == "intense"
WITHOUT_COMPILER = pytest.mark.skipif(not emulator.available(), reason="the emulator needs g++")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    asked = metafunc.config.getoption("--device")
    trials = [
        pytest.param(device, trial, id=f"{device}-{name_of(trial)}", marks=marks_of(device))
        for device in ((asked,) if asked else ("cpu", "emulator"))
        for trial in plan(all_kernels(), device).trials
    ]
    metafunc.parametrize(("device", "trial"), trials)


def name_of(trial: Trial) -> str:
    kernel, property = trial
    return f"{kernel.operation}-{kernel.name}-{property.name.replace(' ', '_')}"


def marks_of(device: str) -> list[pytest.MarkDecorator]:
    return [WITHOUT_COMPILER] if device == "emulator" else []


@pytest.fixture
def examples(device: str, request: pytest.FixtureRequest) -> int:
    if device == "emulator" and not request.config.getoption("--device"):
        return PROFILES["dev" if INTENSE else "few"]
    return PROFILES["intense" if INTENSE else "dev"]


def test_a_kernel_has_the_property(device: str, trial: Trial, examples: int) -> None:
    outcome = try_property(*trial, examples, device=device)
    assert outcome.failure is None, outcome.failure.reason
    assert not outcome.unmet, outcome.unmet
