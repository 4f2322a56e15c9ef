"""Tests of the profile of a network, layer by layer."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from bench import machine
from bench.profiling.command import opened
from bench.profiling.layers import profile, together
from bench.profiling.runtime import runtime_profile
from tests.bench.test_bench import MACHINE
from tests.bench.test_bench_command import bench
from tests.bench.tiny_network import SHAPE, tiny_file
from zfnet.data import Preprocess
from zfnet.model import ZFNet
from zfnet.network import Network

pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_file(tmp_path_factory.mktemp("profile"))


def test_every_layer_has_its_time_its_kernel_and_its_operations(file: Path) -> None:
    found = opened(file, None)
    timed = profile(found.model, np.ones((2, *SHAPE), np.float32), 2)
    names = [name for each in timed for name in each.names]
    assert names == [name for name, _ in found.model.named_children()]
    by_name = {each.name: each for each in timed}
    first = by_name["one.conv"]
    assert first.kind == "Conv2d + ReLU"
    assert first.kernels
    products = 2 * 2 * 8 * 6 * 6 * 27
    assert products <= first.operations <= 1.05 * products
    assert first.done > 0
    assert (first.weights, first.result) == (4 * (8 * 27 + 8), 4 * 2 * 8 * 36)
    assert first.bytes == first.weights + first.result + 4 * 2 * 3 * 144
    assert all(each.seconds > 0 for each in timed)
    assert sum(together(timed).values()) == pytest.approx(sum(each.seconds for each in timed))


@pytest.mark.skipif(not find_spec("onnxruntime"), reason="ONNX Runtime is not installed")
def test_onnx_runtimes_nodes_are_found_at_our_layers(file: Path) -> None:
    found = opened(file, None)
    assert found.folded == {"one.norm", "two.norm"}
    layers = [name for name, _ in found.model.named_children()]
    seconds = runtime_profile(file, np.ones((1, *SHAPE), np.float32), 1, 2, layers, found.folded)
    assert set(seconds) <= {*layers, ""}
    convolutions = {"one.conv", "one.act", "two.conv", "two.act"}
    assert sum(seconds.get(name, 0.0) for name in convolutions) > 0
    assert seconds["scores"] > 0


def test_the_command_prints_a_table_and_draws_a_picture(
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(machine, "measure", lambda: MACHINE)
    picture = tmp_path / "layers.svg"
    given = ["profile", file, "--repeats", "2", "--threads", "1", "--output", picture]
    assert bench(monkeypatch, *given) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("one.conv", "Conv2d + ReLU", "GFLOP/s", "of peak"))
    assert "the forward pass as a whole" in printed
    assert "<svg" in picture.read_text()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["nowhere.onnx"], "nowhere.onnx"),
        ([Path(__file__).parent], "no network"),
        ([__file__], "test_bench_profile.py"),
        ([__file__, "--output", "layers.bmp"], ".png, .svg, .pdf"),
        ([__file__, "--threads", "100000"], "100000"),
    ],
)
def test_an_error_of_the_user_is_one_line_and_status_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: list[object],
    shown: str,
) -> None:
    assert bench(monkeypatch, "profile", *given) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert shown in printed


@pytest.mark.skipif(not find_spec("onnxruntime"), reason="ONNX Runtime is not installed")
def test_a_training_run_is_profiled_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    preprocess = Preprocess(64, 64, np.zeros((3, 64, 64), np.float32))
    model = ZFNet(3, 64, 1 / 16)
    Network(model, preprocess, ("a", "b", "c")).save(tmp_path / "model.safetensors")
    monkeypatch.setattr(machine, "measure", lambda: MACHINE)
    assert bench(monkeypatch, "profile", tmp_path, "--repeats", "1", "--threads", "1") == 0
    printed = capsys.readouterr().out
    last = next(line for line in printed.splitlines() if line.startswith("fc8"))
    assert last.split()[-1] == "ms"  # ONNX Runtime's time of the file's last node
