"""One network as an ONNX file, imported, and compared with ONNX Runtime's result."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kernels.bounds import LAMBDA, eps
from minidl import Tensor, load_onnx, nn, no_grad
from tests.networks.cases import Case, network, side

Row = dict[str, Any]


def compared(case: Case, folder: Path) -> Row:
    """Export, import, and the results of one image and of two; the file is left in the folder."""
    file, began = folder / f"{case.network}.onnx", time.perf_counter()
    export(case, file)
    row: Row = {"case": case.name, "export": time.perf_counter() - began}
    images = np.random.default_rng(0).standard_normal((2, 3, *[side(case.network)] * 2))
    x = images.astype(np.float32)
    given = {0: (x[:1], x), 1: (x[:1],), 2: (x,)}[case.batch]
    expected = [runtime(file, part) for part in given]
    began = time.perf_counter()
    net = load_onnx(file)
    row["import"] = time.perf_counter() - began
    return row | judged(net, given, expected)


def root_mean_square(changes: Sequence[np.ndarray]) -> float:
    """Of the first image's values."""
    return float(np.sqrt(np.square(changes[0], dtype=np.float64).mean()))


def judged(
    net: nn.Graph,
    given: Sequence[np.ndarray],
    expected: Sequence[np.ndarray],
    width: Callable[[Sequence[np.ndarray]], float] = root_mean_square,
) -> Row:
    """The network's results beside those expected; its weights are changed afterwards.

    width: of the changes that `_changes` finds; the bound is a multiple.
    """
    row: Row = {
        "layers": len(list(net.children())),
        "weights": sum(p.size for p in net.parameters()),
    }
    found, seconds = zip(*(_run(net, part) for part in given), strict=True)
    row["first image"] = seconds[0]
    row["difference"] = max(
        float(np.abs(ours - theirs).max()) for ours, theirs in zip(found, expected, strict=True)
    )
    row["spread"] = width([each - each.mean() for each in expected])
    row["bound"] = 2 * LAMBDA * width(_changes(net, given, found))
    row["equal"] = _is_equal(row, all(map(_same_shape, found, expected)))
    return row


def _same_shape(ours: np.ndarray, theirs: np.ndarray) -> bool:
    return ours.shape == theirs.shape


def _is_equal(row: Row, shapes: bool) -> bool:
    """Within a bound that says something; a network without weights moves values, or rounds each
    once or twice."""
    if not row["weights"]:
        return shapes and row["difference"] <= 8 * eps(np.float32) * max(row["spread"], 1.0)
    return shapes and row["difference"] <= row["bound"] < 1e-2 * row["spread"]


def export(case: Case, file: Path) -> None:
    """By PyTorch's exporter through TorchScript, or by the newer one."""
    import torch

    dynamo, made = case.exporter == "dynamo", network(case.network)
    image = torch.zeros(case.batch or 2, 3, *[side(case.network)] * 2)
    settings: dict[str, Any] = {"input_names": ["image"], "output_names": ["scores"]}
    if not case.batch and dynamo:
        settings["dynamic_shapes"] = {"image": {0: torch.export.Dim("n", min=1, max=64)}}
    elif not case.batch:
        settings["dynamic_axes"] = {"image": {0: "n"}, "scores": {0: "n"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        version = 18 if dynamo else 17
        torch.onnx.export(
            made, (image,), str(file), dynamo=dynamo, opset_version=version, **settings
        )


def runtime(file: Path, x: np.ndarray) -> np.ndarray:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: x})[0])


def _run(net: nn.Graph, x: np.ndarray) -> tuple[np.ndarray, float]:
    began = time.perf_counter()
    with no_grad():
        y = np.asarray(net(Tensor(x)).data)
    return y, time.perf_counter() - began


def _changes(
    net: nn.Graph, given: Sequence[np.ndarray], found: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """The changes of the results when all weights are rounded twice more: programs sum the same
    products in other orders."""
    block = np.float32(1 + 2 * eps(np.float32) * np.random.default_rng(1).uniform(-1, 1, 99_991))
    for parameter in net.parameters():
        parameter.change(lambda array: np.multiply(array, np.resize(block, array.shape), out=array))
    return [_run(net, x)[0] - y for x, y in zip(given, found, strict=True)]
