"""Helpers that import a model through a file and run it in float32 or float64."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels.bounds import eps
from minidl import Tensor, nn, no_grad
from minidl.formats.onnx import load_onnx


def loaded(proto: Any, folder: Path, **options: Any) -> nn.Graph:
    file = folder / "model.onnx"
    file.write_bytes(proto.SerializeToString())
    return load_onnx(file, **options)


def run(net: nn.Module, x: np.ndarray) -> np.ndarray:
    with no_grad():
        return np.asarray(net(Tensor(x)).data)


def change(net: nn.Module, to: Callable[[np.ndarray], np.ndarray]) -> None:
    """Replace each parameter by another array, of any type."""
    for _, module in net.modules():
        for name, value in list(vars(module).items()):
            if isinstance(value, nn.Parameter):
                setattr(module, name, nn.Parameter(to(value.data)))


def absolute(net: nn.Module, x: np.ndarray) -> np.ndarray:
    """The sums of the absolute products, in float64; the network keeps the absolute weights."""
    change(net, lambda array: np.abs(array.astype(np.float64)))
    return run(net, np.abs(x).astype(np.float64))


def exact_and_width(
    net: nn.Module, x: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """The outputs in float64, and the root of the mean square of float32's difference from them.

    Programs in float32 sum the same products in other orders, and may round weights twice before,
    where they divide by a deviation or fold weights. So the difference is measured of a pass in
    float32 with weights perturbed by two roundings. The network keeps these weights.
    """
    change(net, lambda array: array.astype(np.float64))
    exact = run(net, x.astype(np.float64))
    block = np.float32(1 + 2 * eps(np.float32) * rng.uniform(-1, 1, 99_991))
    change(net, lambda array: (array * np.resize(block, array.shape)).astype(np.float32))
    return exact, float(np.sqrt(np.square(run(net, x) - exact).mean()))


def refused(proto: Any, folder: Path, message: str, **options: Any) -> None:
    """The model is refused in one line, with its name and the message in it."""
    with pytest.raises(ValueError, match=message) as caught:
        loaded(proto, folder, **options)
    assert "model.onnx" in str(caught.value)
    assert "\n" not in str(caught.value)
