"""`zfnet export` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from minidl import Tensor, no_grad
from tests.shared.twins import network_twin
from tests.zfnet.test_cli import zfnet
from zfnet import pretrained

onnx = pytest.importorskip("onnx")


def test_the_network_in_the_box_is_written_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, weights = tmp_path / "net.onnx", tmp_path / "net.safetensors"
    assert zfnet(monkeypatch, "export", "--onnx", file, "--safetensors", weights) == 0
    assert "N x 3 x 64 x 64" in " ".join(capsys.readouterr().out.split())
    network = pretrained.load()
    network.model.eval()
    stored = {p.key: p.value for p in onnx.load(file).metadata_props}
    assert json.loads(stored["classes"]) == list(network.classes)
    assert [value.name for value in onnx.load(file).graph.output] == ["scores"]
    import torch
    from safetensors.torch import load_file

    twin = network_twin(network.model)
    for parameter in twin.parameters():
        torch.nn.init.zeros_(parameter)
    twin.load_state_dict(load_file(weights))
    x = np.random.default_rng(0).uniform(-100, 100, (2, 3, 64, 64)).astype(np.float32)
    with no_grad():
        ours = network.model(Tensor(x)).data
    theirs = twin(torch.tensor(x, dtype=torch.float64)).detach().numpy()
    # Some thousand roundings of 1e-7, Winograd's among them.
    assert not np.abs(ours - theirs).max() > 1e-3 * np.abs(theirs).max()


def test_an_output_file_is_required(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert zfnet(monkeypatch, "export") == 2
    assert "--onnx FILE" in capsys.readouterr().err


def test_without_the_package_onnx_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from zfnet.cli import export

    monkeypatch.setattr(export, "find_spec", lambda name: None)
    assert zfnet(monkeypatch, "export", "--onnx", tmp_path / "net.onnx") == 2
    assert "pip install -e '.[onnx]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
