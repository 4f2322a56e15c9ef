"""Tests of the comparison of network files with ONNX Runtime on photographs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnxruntime")
from minidl import load_onnx
from tests.minidl.onnx_graphs import drawn, model, node, onnx
from tests.networks import files
from tests.networks.__main__ import main
from tests.networks.preparations import Preparation

RNG = np.random.default_rng(3)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for at, size in enumerate(((40, 30), (24, 50), (33, 33), (60, 20))):
        pixels = RNG.integers(0, 256, (*size[::-1], 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{at}.png")
    return folder


def network(*nodes: Any, **constants: Any) -> Any:
    """Two outputs, planes and their means."""
    proto = model(
        [node("Conv", "x w", "c", pads=[1, 1, 1, 1]), node("Relu", "c", "y"), *nodes],
        [2, 3, 12, 10], w=drawn(RNG, 4, 3, 3, 3), **constants,
    )  # fmt: skip
    proto.graph.output.add().CopyFrom(
        onnx.helper.make_tensor_value_info("m", onnx.TensorProto.FLOAT, None)
    )
    return proto


def written(proto: Any, folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(proto.SerializeToString())
    return folder / name


MEANS = node("ReduceMean", "y", "m", axes=[2, 3], keepdims=0)


def test_each_output_of_a_file_is_compared_and_a_wrong_weight_is_seen(
    tmp_path: Path, photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(network(MEANS), tmp_path / "nets", "a.onnx")
    assert files.compared(file, photographs)["equal"]

    def changed(source: Path, **options: Any) -> Any:
        net = load_onnx(source, **options)
        if options["output"] == "m":  # the second output alone
            next(iter(net.parameters())).change(lambda w: np.multiply(w, 1.0001, out=w))
        return net

    monkeypatch.setattr(files, "load_onnx", changed)
    assert not files.compared(file, photographs)["equal"]


def test_the_command_lists_what_is_equal_and_what_is_refused(
    tmp_path: Path, photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A refusal is an answer and no failure; a second run computes nothing."""
    folder, record = tmp_path / "nets", tmp_path / "record.jsonl"
    written(network(MEANS), folder, "a.onnx")
    written(network(node("Hardmax", "y", "m")), folder, "b.onnx")
    arguments = ["--record", str(record), "--files", str(folder), "--images", str(photographs)]
    assert main(arguments) == 0
    rows = {Path(row["case"]).name: row for row in map(json.loads, record.open())}
    assert rows["a.onnx"]["equal"]
    assert "operator Hardmax" in rows["b.onnx"]["refused"]
    before = record.read_bytes()
    assert main([*arguments, "--table"]) == main(arguments) == 0
    assert record.read_bytes() == before
    assert "refused: operator Hardmax" in capsys.readouterr().out


@pytest.mark.parametrize("fit", ["centre", "warp", "square", "strip"])
def test_a_photograph_has_the_networks_size_and_order(fit: str, photographs: Path) -> None:
    """The colours of the middle (of the corner, where zeros are added) are those of the file."""
    file = photographs / "flat.png"
    Image.new("RGB", (37, 21), (10, 120, 250)).save(file)
    zero, one = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    pixels = Preparation(fit, mean=zero, std=one, bgr=True).image(file, 16, 40)
    assert pixels.shape == (16, 40, 3)
    assert pixels[0, 0].tolist() == [250, 120, 10]
    padded = bool((pixels == 0).any())
    assert padded == (fit in ("square", "strip"))
