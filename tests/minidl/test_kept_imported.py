"""Prepared weights of imported networks: pruned in place, and unchecked while nobody holds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels.bounds import same_bits
from minidl import Tensor, load_onnx, no_grad, versions
from tests.minidl.onnx_graphs import drawn, model, node, onnx

pytestmark = pytest.mark.quick


@pytest.fixture(params=[False, True], ids=["as it is", "folded"])
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    rng = np.random.default_rng(0)
    nodes = [
        node("Conv", "x w b", "c", pads=[1, 1, 1, 1]),
        node("BatchNormalization", "c s t m v", "n"),
        node("Relu", "n", "r"),
        node("ConvTranspose", "r u", "y"),
    ]
    arrays = {
        "w": (32, 3, 3, 3),
        "b": (32,),
        "s": (32,),
        "t": (32,),
        "m": (32,),
        "u": (32, 4, 3, 3),
    }
    constants = {name: drawn(rng, *shape) for name, shape in arrays.items()}
    variances = rng.uniform(1, 2, 32).astype(np.float32)
    onnx.save(model(nodes, (1, 3, 24, 24), **constants, v=variances), tmp_path / "a.onnx")
    return load_onnx(tmp_path / "a.onnx", fold=request.param)


def run(network: Any) -> np.ndarray:
    x = drawn(np.random.default_rng(1), 1, 3, 24, 24)
    with no_grad():
        return network(Tensor(x)).data.copy()


@pytest.mark.parametrize("number", [0, -1])
def test_a_weight_changed_in_place_is_seen(network: Any, number: int) -> None:
    before = run(network)
    assert same_bits(run(network), before)
    weight = [p for p in network.parameters() if p.ndim == 4][number]
    weight.data[3] = 0
    after = run(network)
    assert not np.array_equal(after, before)
    weight.data[3] = 1
    again = run(network)
    weight.assign(weight.data.copy())  # prepared anew
    assert same_bits(run(network), again)
    assert not np.array_equal(again, after)


def test_nothing_is_checked(network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[Any] = []
    checksum = versions.checksum
    monkeypatch.setattr(versions, "checksum", lambda a: checked.append(a) or checksum(a))
    for _ in range(3):
        run(network)
    assert checked == []
