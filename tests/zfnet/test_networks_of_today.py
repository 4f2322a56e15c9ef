"""Every command on small networks of today, from an ONNX file to the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import Tensor, no_grad, rules
from tests.shared import torch_networks
from tests.shared.torch_networks import CLASSES, NETWORKS, SIDE, UNet, exported, torch
from tests.zfnet.commands import pictures, zfnet
from zfnet import network as networks
from zfnet.deconvnet import Deconvnet, Unit
from zfnet.incremental import Change, IncrementalForward
from zfnet.network import Network

FORM = ["--preset", "torchvision"]
NAMES = ("blue", "green", "red", "violet", "white")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the imported networks of this module, and one of pictures."""
    where = tmp_path_factory.mktemp("networks")
    pictures(where / "data", 6)
    (where / "names.txt").write_text("\n".join(NAMES))
    return where


@pytest.fixture
def run(folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run of one of NETWORKS, imported once."""
    name = request.param
    out = folder / name
    if not out.exists():
        file = torch_networks.made(name, folder / f"{name}.onnx")
        given = [*FORM, "--classes", folder / "names.txt", "--out", out]
        assert zfnet(monkeypatch, "import", file, *given) == 0
    return out


every = pytest.mark.parametrize("run", NETWORKS, indirect=True)


def load(run: Path) -> Network:
    return networks.load(run)


def inputs(network: Network, count: int, seed: int = 0) -> np.ndarray:
    S = network.model.image_size
    return np.random.default_rng(seed).uniform(-2, 2, (count, 3, S, S)).astype(np.float32)


@every
def test_the_network_gives_what_pytorch_gives(run: Path) -> None:
    network = load(run)
    torch.manual_seed(3)
    module = NETWORKS[run.name]().eval()
    x = np.random.default_rng(1).uniform(-100, 100, (2, 3, SIDE, SIDE)).astype(np.float32)
    scale = np.array([58.395, 57.12, 57.375], np.float32).reshape(3, 1, 1)
    with torch.no_grad(), no_grad():
        true = module(torch.from_numpy(x / scale)).numpy()
        found = network.model(Tensor(x)).data
    np.testing.assert_allclose(found, true, rtol=1e-3, atol=1e-4)


@every
def test_show_lists_the_layers(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert zfnet(monkeypatch, "show", run) == 0
    shown = capsys.readouterr().out
    assert "5 classes: blue; green; red; violet; white." in shown
    assert "In projections at" in shown


@every
def test_features_show_every_join(
    run: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ["--model", run, "--data", folder / "data", "--maps", 2, "--out", tmp_path]
    assert zfnet(monkeypatch, "features", *given) == 0
    numbers = json.loads((tmp_path / "features.json").read_text())["layers"]
    assert list(numbers) == load(run).model.shown_layers and len(numbers) >= 3
    assert any(entry["strongest"] for maps in numbers.values() for entry in maps)
    assert (tmp_path / "index.html").is_file()


@every
@pytest.mark.parametrize("table", ["deconvnet", "guided", "gradient"])
def test_a_score_projects_to_the_pixels_by_each_table(
    run: Path, table: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = next((folder / "data").rglob("*.png"))
    given = ["--model", run, "--layer", "scores", "--map", 1, "--rules", table, "--out", tmp_path]
    assert zfnet(monkeypatch, "project", picture, *given) == 0
    network = load(run)
    (found,) = Deconvnet(network.model, getattr(rules, table)).project(
        inputs(network, 1), "scores", map=1
    )
    assert np.isfinite(found.pixels).all() and found.pixels.any()


@every
def test_occlusion_finds_what_whole_images_give(
    run: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ["--model", run, "--data", folder / "data", "--count", 1, "--search", 3]
    given += ["--square", 8, "--stride", 8, "--out", tmp_path]
    assert zfnet(monkeypatch, "occlusion", *given) == 0
    assert json.loads((tmp_path / "occlusion.json").read_text())


@every
def test_invariance_correspondence_layers_and_transfer_write_their_pages(
    run: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, data = ["--model", run], folder / "data"
    images = [text for file in sorted(data.rglob("*.png"))[:2] for text in ("--image", file)]
    labels = ["--label", "blue", "--label", "green"]
    out = tmp_path / "invariance"
    assert zfnet(monkeypatch, "invariance", *model, *images, *labels, "--out", out) == 0
    table = tmp_path / "parts.csv"
    rows = [f"{file},{part},{at},{at}" for file in sorted(data.rglob("*.png"))[:3]
            for part, at in (("eye", 12), ("ear", 20))]  # fmt: skip
    table.write_text("\n".join(["image,part,row,column", *rows]))
    given = ["--regions", table, "--out", tmp_path / "correspondence"]
    assert zfnet(monkeypatch, "correspondence", *model, *given) == 0
    few = ["--data", data, "--per-class", 3, "--folds", 1, "--c", 1]
    assert zfnet(monkeypatch, "layers", *model, *few, "--out", tmp_path / "layers") == 0
    assert zfnet(monkeypatch, "transfer", *model, *few, "--out", tmp_path / "transfer") == 0
    for name in ("invariance", "correspondence", "layers", "transfer"):
        assert (tmp_path / name / "index.html").is_file(), name


def test_units_of_tokens_are_projected(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = torch_networks.made("transformer", tmp_path / "net.onnx")
    assert zfnet(monkeypatch, "import", file, *FORM, "--out", tmp_path / "run") == 0
    network = load(tmp_path / "run")
    model, x = network.model, inputs(network, 1)
    tokens = [n for n in model.layer_names() if model.unit_planes(n) == (12, 17, 1)]
    assert model.is_planar(tokens[0])
    (found,) = Deconvnet(model, rules.gradient).project(x, tokens[0], units=[Unit(3, 1 + 6, 0)])
    box = found.box
    assert (box.top, box.left, box.shape) == (8, 16, (8, 8)), "token 6 of 4 x 4"
    (whole,) = Deconvnet(model, rules.gradient).project(x, tokens[-1], units=[Unit(3, 1 + 6, 0)])
    assert whole.box.shape == (SIDE, SIDE) and whole.pixels.any()


def test_a_device_computes_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cuda_device: str
) -> None:
    file, run = torch_networks.made("gated", tmp_path / "net.onnx"), tmp_path / "run"
    assert zfnet(monkeypatch, "import", file, *FORM, "--fold", "--out", run) == 0
    model = load(run).model
    x = inputs(load(run), 1)
    change = Change(np.zeros((2, 3, 8, 8), np.float32), np.array([(0, 0), (10, 20)]))
    layer = model.last_spatial_layer

    def looked() -> list[np.ndarray]:
        (found,) = Deconvnet(model).project(x, "scores", map=1)
        planes, scores = IncrementalForward(model, x[0]).map_and_scores(change, layer, 0)
        return [found.pixels, planes, scores]

    true = looked()
    model.to(cuda_device)
    for found, expected in zip(looked(), true, strict=True):
        assert isinstance(found, np.ndarray)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


SEGMENTED = {"colour": (3, 32, 32), "grey": (1, 32, 32), "wide": (1, 16, 40)}


@pytest.mark.parametrize("kind", SEGMENTED)
def test_a_segmentation_is_looked_into_unit_by_unit(
    kind: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    torch.manual_seed(3)
    shape = SEGMENTED[kind]
    module, run = UNet(shape[0]).eval(), tmp_path / "run"
    file = exported(module, tmp_path / "unet.onnx", shape)
    assert zfnet(monkeypatch, "import", file, "--mean", "120,120,120", "--out", run) == 0
    assert "no classes: its output" in capsys.readouterr().out
    network = load(run)
    model, S = network.model, max(shape[1:])
    assert model.image_size == S and model.unit_planes(model.output) == (2, *shape[1:])
    data = folder / "data"
    given = ["--model", run, "--data", data, "--maps", 1, "--out", tmp_path / "features"]
    assert zfnet(monkeypatch, "features", *given) == 0
    picture = next(data.rglob("*.png"))
    unit = ["--layer", model.output, "--unit", "1,5,7", "--out", tmp_path / "projection"]
    assert zfnet(monkeypatch, "project", picture, "--model", run, *unit) == 0
    assert "map 1 at (5, 7)" in capsys.readouterr().out


def test_a_grey_image_of_another_shape_is_the_networks_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(3)
    module, run = UNet(1).eval(), tmp_path / "run"
    file = exported(module, tmp_path / "unet.onnx", (1, 16, 40))
    assert zfnet(monkeypatch, "import", file, "--mean", "0,0,0", "--out", run) == 0
    network = load(run)
    image = np.random.default_rng(0).integers(0, 256, (16, 40, 3), np.uint8)
    x = network.preprocess.centre(network.preprocess.prepare(image)).transpose(2, 0, 1)[None]
    grey = (image @ np.array([0.299, 0.587, 0.114]))[None, None].astype(np.float32)
    with torch.no_grad(), no_grad():
        true = module(torch.from_numpy(grey)).numpy()
        found = network.model(Tensor(np.ascontiguousarray(x))).data
    # The rows were stretched to a square and squeezed again.
    assert found.shape == true.shape
    assert np.corrcoef(found.ravel(), true.ravel())[0, 1] > 0.95


def test_a_network_with_the_channels_last_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(3)
    module, run = torch_networks.ChannelsLast().eval(), tmp_path / "run"
    file = exported(module, tmp_path / "last.onnx", (24, 24, 1))
    assert zfnet(monkeypatch, "import", file, "--mean", "0,0,0", "--out", run) == 0
    model = load(run).model
    assert model.num_classes == CLASSES and model.image_size == 24
    x = np.random.default_rng(0).uniform(0, 255, (2, 3, 24, 24)).astype(np.float32)
    grey = np.einsum("nchw,c->nhw", x, np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    with torch.no_grad(), no_grad():
        true = module(torch.from_numpy(grey)).numpy()
        np.testing.assert_allclose(model(Tensor(x)).data, true, rtol=1e-4, atol=1e-2)


def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *command: Any
) -> str:
    """The sentence with which a command ends, with status 2 and no traceback."""
    capsys.readouterr()
    assert zfnet(monkeypatch, *command) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "Traceback" not in said
    return said


def test_commands_that_need_scores_say_so(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    torch.manual_seed(3)
    run = tmp_path / "run"
    file = exported(UNet().eval(), tmp_path / "unet.onnx")
    assert zfnet(monkeypatch, "import", file, *FORM, "--out", run) == 0
    data = ["--model", run, "--data", folder / "data"]
    pair = [text for f in sorted((folder / "data").rglob("*.png"))[:2] for text in ("--image", f)]
    out = tmp_path / "out"
    for command in (
        ["occlusion", *data, "--count", 1, "--out", out],
        ["invariance", "--model", run, *pair, "--out", out],
        ["evaluate", *data],
    ):
        said = refused(monkeypatch, capsys, *command)
        assert "needs scores of classes, and this network gives none: its output" in said, command
    assert not out.exists()


def test_layers_outputs_and_units_that_do_not_exist_are_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    file, run = torch_networks.made("gated", tmp_path / "net.onnx"), tmp_path / "run"
    given = [*FORM, "--out", run]
    said = refused(monkeypatch, capsys, "import", file, *given, "--output", "nowhere")
    assert "nowhere" in said and not run.exists()
    said = refused(monkeypatch, capsys, "import", file, *given, "--size", "12,x")
    assert "--size" in said
    assert zfnet(monkeypatch, "import", file, *given) == 0
    picture = next((folder / "data").rglob("*.png"))
    project = ["project", picture, "--model", run, "--out", tmp_path / "out"]
    assert "no layer 'nowhere'" in refused(monkeypatch, capsys, *project, "--layer", "nowhere")
    unit = ["--layer", "scores", "--unit", "9,0,0"]
    assert "maps 0 to 4" in refused(monkeypatch, capsys, *project, *unit)
    unit = ["--layer", "scores", "--unit", "1,2"]
    assert "--unit takes" in refused(monkeypatch, capsys, *project, *unit)
    features = ["features", "--model", run, "--data", folder / "data", "--out", tmp_path / "out"]
    assert "no layer 'nowhere'" in refused(monkeypatch, capsys, *features, "--layer", "nowhere")
    assert not (tmp_path / "out").exists()
