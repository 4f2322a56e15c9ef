"""Every property of the suite on every registered kernel; and that there is one for everything."""

from __future__ import annotations

import os

import pytest

from kernels import all_kernels
from kernels.verify import PROFILES, try_property
from kernels.verify.suite import Trial, plan

PROFILE = "intense" if os.environ.get("HYPOTHESIS_PROFILE") == "intense" else "dev"
KERNELS = [k for k in all_kernels() if k.device == "cpu"]
TRIALS = plan(KERNELS).trials


def name_of(trial: Trial) -> str:
    kernel, property = trial
    return f"{kernel.operation}-{kernel.name}-{property.name.replace(' ', '_')}"


@pytest.mark.parametrize("trial", TRIALS, ids=name_of)
def test_a_kernel_has_the_property(trial: Trial) -> None:
    outcome = try_property(*trial, PROFILES[PROFILE])
    assert outcome.failure is None, outcome.failure.reason
    assert not outcome.unmet, outcome.unmet
