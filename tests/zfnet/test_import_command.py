"""`zfnet import` and `zfnet show` on the command line: output, files, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.zfnet.test_cli import zfnet
from zfnet import network as networks
from zfnet.importing import PRESETS, input_format, read_classes
from zfnet.network import FILE

onnx = pytest.importorskip("onnx")
SIDE = 16


def small(path: Path, *, operator: str = "Relu", image: tuple[object, ...] = (SIDE, SIDE)) -> Path:
    """conv -> an operator -> global mean -> 4 scores -> softmax, as a file."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    weights = {
        "w": rng.standard_normal((6, 3, 3, 3)).astype(np.float32),
        "v": rng.standard_normal((4, 6)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["data", "w"], ["a"], "conv/3x3", strides=[2, 2]),
        helper.make_node(operator, ["a"], ["b"], "conv/after"),
        helper.make_node("GlobalAveragePool", ["b"], ["c"], "mean"),
        helper.make_node("Flatten", ["c"], ["d"], "flat"),
        helper.make_node("Gemm", ["d", "v"], ["e"], "scores", transB=1),
        helper.make_node("Softmax", ["e"], ["f"], "prob"),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, ["N", 3, *image])],
        [helper.make_tensor_value_info("f", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(a, name) for name, a in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return path


def test_an_imported_network_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, run, names = small(tmp_path / "net.onnx"), tmp_path / "run", tmp_path / "names.txt"
    names.write_text("n00000001 a cat, a tom\ndog\nbird\n\nfish\n")
    given = ["--preset", "torchvision", "--size", SIDE, "--resize", 20, "--classes", names]
    assert zfnet(monkeypatch, "import", file, "--out", run, *given) == 0
    assert [path.name for path in run.iterdir()] == [FILE]
    network = networks.load(run)
    assert network.classes == ("a cat, a tom", "dog", "bird", "fish")
    assert network.model.scores == "scores"
    capsys.readouterr()
    assert zfnet(monkeypatch, "show", run, "--json", tmp_path / "show.json") == 0
    shown = capsys.readouterr().out
    for word in (
        "conv/3x3",
        "Conv2d",
        "6 x 7 x 7",
        "a cat, a tom",
        "AvgPool2d",
        "red, green, blue",
    ):
        assert word in shown
    written = json.loads((tmp_path / "show.json").read_text())
    assert [row["name"] for row in written["layers"]][:2] == ["pixels", "conv/3x3"]
    assert written["parameters"] == 6 * 27 + 24


def test_pixels_reach_the_network_as_it_was_trained_on_them(tmp_path: Path) -> None:
    from zfnet.importing import import_network

    file = small(tmp_path / "net.onnx")
    options = {"size": SIDE, "resize": SIDE, "std": (2.0, 4.0, 5.0)}
    form = input_format("googlenet", None, **options)
    network, plain = (
        import_network(file, form),
        import_network(file, input_format(None, (0, 0, 0), size=SIDE)),
    )
    image = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    x = network.preprocess.centre(network.preprocess.prepare(image)).transpose(2, 0, 1)[None]
    by_hand = (image.astype(np.float32) - [123, 117, 104]) / [2, 4, 5]
    expected = plain.probabilities(
        np.ascontiguousarray(by_hand[:, :, ::-1].transpose(2, 0, 1)[None], np.float32)
    )  # (S,S,3) -> (3,S,S)
    assert np.allclose(network.probabilities(x), expected, atol=1e-5)


def test_an_imported_network_is_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    file, run, pictures = small(tmp_path / "net.onnx"), tmp_path / "run", tmp_path / "pictures"
    pictures.mkdir()
    rng = np.random.default_rng(2)
    for i in range(4):
        Image.fromarray(rng.integers(0, 256, (24, 30, 3), np.uint8)).save(pictures / f"{i}.png")
    options = ["--mean", "120,110,100", "--size", SIDE, "--resize", SIDE]
    assert zfnet(monkeypatch, "import", file, "--out", run, *options) == 0
    out = tmp_path / "features"
    looked = ["features", "--model", run, "--data", pictures, "--maps", 2, "--out", out]
    assert zfnet(monkeypatch, *looked) == 0
    assert (out / "conv-3x3.png").is_file()
    assert "GlobalAvgPool2d, the average pooling is linear" in (out / "index.html").read_text()
    one = ["project", pictures / "0.png", "--model", run, "--layer", "conv/after", "--out", out]
    assert zfnet(monkeypatch, *one) == 0
    capsys.readouterr()
    assert zfnet(monkeypatch, "first-layer", "--model", run, "--data", pictures, "--out", out) == 2
    assert "needs a network of zfnet's own kind" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("truncated", "net.onnx"),
        ("empty", "net.onnx"),
        ("text", "net.onnx"),
        ("operator", "Acosh"),
        ("open", "size"),
        ("unsaid", "--preset (caffe, googlenet, torchvision)"),
        ("preset", "no preset 'mine'"),
        ("mean", "--mean takes three numbers"),
        ("std", "the std above 0"),
        ("classes", "2 names of classes for a network that gives 4 scores"),
        ("missing", "none.onnx"),
        ("again", "is there already"),
    ],
)
def test_a_refused_import_prints_one_message_and_leaves_nothing(
    damage: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file, run = tmp_path / "net.onnx", tmp_path / "run"
    small(file, operator="Acosh" if damage == "operator" else "Relu")
    options: list[object] = ["--preset", "torchvision", "--size", SIDE, "--resize", SIDE]
    whole = file.read_bytes()
    match damage:
        case "truncated":
            file.write_bytes(whole[: len(whole) // 2])
        case "empty":
            file.write_bytes(b"")
        case "text":
            file.write_text("not a network at all")
        case "open":
            small(file, image=("H", "W"))
            options = ["--preset", "torchvision", "--size", 0]
        case "unsaid":
            options = []
        case "preset":
            options = ["--preset", "mine"]
        case "mean":
            options = ["--mean", "1,2"]
        case "std":
            options += ["--std", "1,0,1"]
        case "classes":
            (tmp_path / "two.txt").write_text("one\ntwo\n")
            options += ["--classes", tmp_path / "two.txt"]
        case "missing":
            file = tmp_path / "none.onnx"
        case "again":
            assert zfnet(monkeypatch, "import", file, "--out", run, *options) == 0
            capsys.readouterr()
    assert zfnet(monkeypatch, "import", file, "--out", run, *options) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert message in error and "Traceback" not in error
    assert damage == "again" or not run.exists()


def test_a_wordnet_id_before_a_class_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "names").write_text("n01440764 tench, Tinca tinca\nn1 short\nplain\n")
    assert read_classes(tmp_path / "names") == ["tench, Tinca tinca", "n1 short", "plain"]


def test_options_override_the_preset() -> None:
    form = input_format("caffe", (1, 2, 3), fit="centre", bgr=None)
    assert (form.mean, form.fit, form.bgr) == ((1, 2, 3), "centre", True)
    assert form.resize == PRESETS["caffe"].resize
