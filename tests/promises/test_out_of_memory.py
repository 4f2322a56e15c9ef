"""A training step that fails for want of memory: the weights are those of the step before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels.bounds import same_bits
from minidl import Tensor
from tests.zfnet import tiny
from zfnet.data import Batch
from zfnet.gradients import F


@pytest.mark.parametrize(("where", "name"), [(F, "cross_entropy"), (Tensor, "backward")])
def test_a_step_without_memory_leaves_the_weights_of_the_step_before(
    where: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = tiny.trainer(tmp_path, workers=0)
    before: dict[str, np.ndarray] = {}
    step, steps = trainer._one_step, []

    def full(*arguments: Any, **options: Any) -> Any:
        raise MemoryError("Out of memory allocating 7 bytes")

    def one_step(batch: Batch) -> None:
        steps.append(batch)
        if len(steps) == 3:
            before.update({k: a.copy() for k, a in trainer.network.arrays().items()})
            monkeypatch.setattr(where, name, full)
        step(batch)

    monkeypatch.setattr(trainer, "_one_step", one_step)
    with pytest.raises(MemoryError, match=r"at step 3 .*the weights are as the step before left"):
        trainer.run()
    after = trainer.network.arrays()
    assert all(same_bits(before[key], array) for key, array in after.items())
    assert all(same_bits(before[key], after[key]) for key in before)
