"""Tests of scripts written for PyTorch, run as they are and with their imports swapped."""

from __future__ import annotations

import re
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl

torch: Any = pytest.importorskip("torch")
HERE = Path(__file__).parent
STEPS = 20
IMPORTS = {
    "import torch.nn.functional as F": "from minidl import functional as F",
    "import torch": "import minidl as torch",
    "from torch import": "from minidl import",
    "from torch.optim": "from minidl.optim",
    "from torch.utils.data": "from minidl.data",
}


def script(name: str, engine: Any) -> types.ModuleType:
    """The script as a module, under minidl with its imports swapped and nothing else."""
    text = (HERE / f"{name}.py").read_text(encoding="utf-8")
    if engine is minidl:
        for theirs, ours in IMPORTS.items():
            text = re.sub(rf"^{re.escape(theirs)}\b", ours, text, flags=re.MULTILINE)
        assert not re.search(r"^(import|from) torch", text, flags=re.MULTILINE)
    module = types.ModuleType(name)
    exec(compile(text, f"{name}.py", "exec"), module.__dict__)
    return module


def same_weights(engine: Any) -> Any:
    """A function that loads weights that follow from their names and shapes alone."""

    def load(model: Any) -> None:
        state = {}
        for name, value in model.state_dict().items():
            given = np.asarray(value)
            if given.dtype.kind != "f":
                state[name] = engine.from_numpy(given.copy())
                continue
            rng = np.random.default_rng([len(name), *name.encode()])
            drawn = rng.standard_normal(given.shape) / max(np.prod(given.shape[1:]), 1) ** 0.5
            drawn = abs(drawn) + 0.5 if "running_var" in name else drawn
            state[name] = engine.from_numpy(drawn.astype(given.dtype))
        model.load_state_dict(state)

    return load


def outcome(name: str, engine: Any, dtype: str, path: Path) -> tuple[list[float], list[float]]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 24)
    images = {"small_cnn": (24, 3, 8, 8), "residual": (24, 3, 8, 8), "autoencoder": (6, 1, 16, 16)}
    x = rng.standard_normal(images[name]).astype(dtype)
    given: dict[str, tuple[Any, ...]] = {
        "small_cnn": (x, labels, getattr(engine, dtype), STEPS),
        "residual": (x, labels, getattr(engine, dtype), STEPS, path / engine.__name__),
        "autoencoder": (x, getattr(engine, dtype), STEPS),
    }
    losses, others = script(name, engine).run(same_weights(engine), *given[name])
    return losses, others


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-4), ("float64", 1e-9)])
@pytest.mark.parametrize("name", ["small_cnn", "residual", "autoencoder"])
def test_a_script_gives_the_same_losses_under_both(
    name: str, dtype: str, bound: float, tmp_path: Path
) -> None:
    losses, others = outcome(name, minidl, dtype, tmp_path)
    torch.set_num_threads(1)
    theirs, their_others = outcome(name, torch, dtype, tmp_path)
    assert len(losses) == len(theirs) == STEPS and np.isfinite(theirs).all()
    assert abs(losses[0] - losses[-1]) > 0.01, "the losses must move to say anything"
    np.testing.assert_allclose(losses, theirs, rtol=bound, atol=bound)
    np.testing.assert_allclose(others, their_others, rtol=20 * bound, atol=20 * bound)
