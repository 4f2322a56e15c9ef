"""Tests of one training step of networks of today against PyTorch's, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from tests.habits.test_scripts import same_weights, script

torch: Any = pytest.importorskip("torch")
NAMES = ("resnet18", "mobilenet_v2", "efficientnet_b0", "convnext_tiny", "vit_b_16")
BOUND = 1e-10


@pytest.mark.parametrize("name", NAMES)
def test_one_training_step_is_pytorchs(name: str) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.standard_normal((4, 3, 32, 32)), rng.integers(0, 3, 4)
    torch.set_num_threads(1)
    (loss, gradients, state), (their_loss, their_gradients, their_state) = (
        script("networks", engine).step(name, same_weights(engine), images, labels)
        for engine in (minidl, torch)
    )
    assert abs(loss - their_loss) <= BOUND * abs(their_loss)
    assert gradients.keys() == their_gradients.keys() and state.keys() == their_state.keys()
    for key, theirs in their_gradients.items():
        error = abs(gradients[key] - theirs).max()
        assert error <= BOUND * max(abs(theirs).max(), 1), (key, error)
        assert abs(theirs).max() > 0 or "bias" in key, key
    for key, value in their_state.items():
        theirs = value.numpy()
        error = abs(np.asarray(state[key], float) - theirs).max()
        assert error <= BOUND * max(abs(theirs).max(), 1), (key, error)
