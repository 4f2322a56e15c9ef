"""Imported networks, run: from a model in memory through a file, in float32 or float64."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import Tensor, nn, no_grad
from minidl.onnx import load_onnx


def loaded(proto: Any, folder: Path, **options: Any) -> nn.Graph:
    file = folder / "model.onnx"
    file.write_bytes(proto.SerializeToString())
    return load_onnx(file, **options)


def run(net: nn.Module, x: np.ndarray) -> np.ndarray:
    with no_grad():
        return np.asarray(net(Tensor(x)).data)


def in_float64(net: nn.Module, change: Callable[[np.ndarray], np.ndarray] = np.asarray) -> None:
    """The parameters in float64, each changed before."""
    for _, module in net.modules():
        for name, value in list(vars(module).items()):
            if isinstance(value, nn.Parameter):
                setattr(module, name, nn.Parameter(change(value.data.astype(np.float64))))


def refused(proto: Any, folder: Path, message: str, **options: Any) -> None:
    """The model is refused in one line, with its name and the message in it."""
    with pytest.raises(ValueError, match=message) as caught:
        loaded(proto, folder, **options)
    assert "model.onnx" in str(caught.value)
    assert "\n" not in str(caught.value)
