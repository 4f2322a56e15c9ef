"""Tests of the ONNX export: equal results in ONNX Runtime, and after an import."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from minidl import Tensor, load_onnx, nn, no_grad
from tests.shared.branches import SIDE, branching
from zfnet.model import AlexNet, ConvNet, ZFNet
from zfnet.settings import Norm

onnx = pytest.importorskip("onnx")
from minidl.formats.onnx.export import WRITERS, save_onnx  # noqa: E402

# Some thousand roundings of 1e-7 of float32, Winograd's among them, on either side.
NEAR = 1e-3


class Own(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


def images(count: int, side: int = SIDE) -> np.ndarray:
    return np.random.default_rng(3).uniform(-100, 100, (count, 3, side, side)).astype(np.float32)


def small(
    kind: type[ZFNet] | type[AlexNet], strides: tuple[int, int], norm: Norm = "lrn"
) -> ConvNet:
    return kind(7, SIDE, 0.05, norm=norm, init="he", hidden=(9, 8), strides=strides)


MODELS = {
    "branches": lambda: branching(np.float32),
    "zfnet": lambda: small(ZFNet, strides=(2, 1)),
    "contrast": lambda: small(ZFNet, strides=(2, 1), norm="lcn"),
    "alexnet": lambda: small(AlexNet, strides=(2, 1)),
}


def ours(model: nn.Graph, x: np.ndarray) -> np.ndarray:
    model.eval()
    with no_grad():
        return model(Tensor(x)).data


def near(found: np.ndarray, true: np.ndarray) -> bool:
    alike = found.shape == true.shape
    return alike and bool(np.abs(found - true).max() <= NEAR * np.abs(true).max())


@pytest.mark.parametrize("name", MODELS)
def test_onnx_runtime_gives_what_the_engine_gives(name: str, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    model, x = MODELS[name](), images(3)
    save_onnx(model, tmp_path / "net.onnx", (3, SIDE, SIDE), {"made": "here"})
    session = runtime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"image": x})
    assert near(found, ours(model, x))
    assert session.get_modelmeta().custom_metadata_map == {"made": "here"}


@pytest.mark.parametrize("name", [name for name in MODELS if name != "contrast"])
def test_what_is_written_is_read_again(name: str, tmp_path: Path) -> None:
    model, x = MODELS[name](), images(2)
    save_onnx(model, tmp_path / "net.onnx", (3, SIDE, SIDE))
    assert near(ours(load_onnx(tmp_path / "net.onnx"), x), ours(model, x))


@pytest.mark.parametrize(
    "layer",
    [
        nn.ConvTranspose2d(3, 4, 3, 2, 1, 1, rng=np.random.default_rng(0)),
        nn.Conv2d(3, 6, (3, 2), (2, 1), (0, 1, 2, 1), (1, 2), 3, rng=np.random.default_rng(0)),
        nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        nn.AvgPool2d(3, None, 1, count_include_pad=False),
        nn.PReLU(np.array([0.1, 0.2, 0.3], np.float32)),
        nn.Clip(0, 6),
        nn.Sigmoid(),
        nn.Tanh(),
        nn.Softmax(1),
        nn.Reshape((-1, 6)),
        nn.Transpose((0, 2, 1, 3)),
        nn.Linear(8, 5, rng=np.random.default_rng(0)),
        nn.Multiply(),
        nn.Maximum(),
        nn.Minimum(),
        nn.Scale(np.array([2, -1, 0.5], np.float32).reshape(3, 1, 1)),
        nn.Shift(np.array([2, -1, 0.5], np.float32).reshape(3, 1, 1)),
        nn.Power(3.0),
        nn.Negate(),
        nn.Absolute(),
        nn.Exp(),
        nn.Erf(),
        nn.Sin(),
        nn.Cos(),
        nn.Floor(),
        nn.Round(),
        nn.Sign(),
        nn.ReLU6(),
        nn.ELU(0.5),
        nn.Softplus(),
        nn.Softplus(2.0),
        nn.SiLU(),
        nn.Mish(),
        nn.GELU(),
        nn.GELU("tanh"),
        nn.Hardswish(),
        nn.Hardsigmoid(0.25, 0.4),
        nn.LogSoftmax(1),
        nn.Sum((1, 3)),
        nn.Mean(-1, True),
        nn.Amax((2, 3)),
        nn.Amin(1, True),
        nn.Var((2, 3)),
        nn.Slice((5, 0), (None, 3), (-2, 1), (2, 1)),
        nn.Gather([[0, 2], [1, -1]], 1),
        nn.Gather(2, -1),
        nn.Expand((-1, 3, 8, 8)),
        nn.Repeat((1, 2, 1, 3)),
        nn.Roll((3, -1), (2, 3)),
        nn.Pad((1, 2, -1, 3), "constant", 0.5),
        nn.Pad((1, 2, 0, 3), "reflect"),
        nn.Pad((1, 2, -1, 3), "replicate"),
        nn.Pad((1, 2, 0, 3), "circular"),
        nn.Resize((3, 20)),
        nn.Resize(None, (1.5, 0.6), None, "cubic", "asymmetric", exclude_outside=True),
        nn.Resize((5, 12), None, (2, 3), "linear", "half_pixel_symmetric", antialias=True),
        nn.Upsample(None, 2.0, "bilinear", True),
        nn.Upsample((5, 17), mode="bicubic"),
        nn.SpaceToDepth(2),
        nn.SpaceToDepth(4, "CRD"),
        nn.LayerNorm((8, 8)),
        nn.LayerNorm.of(normalized_shape=8),
        nn.GroupNorm(3, 3),
        nn.InstanceNorm2d(3),
        nn.Constant(np.arange(6, dtype=np.float32).reshape(1, 2, 3)),
        nn.GlobalMaxPool2d(),
        nn.LocalContrastNorm(5, 1.0),
        nn.LocalContrastNorm(3, 1.0, "zero"),
        nn.Dropout(),
        nn.SELU(),
        nn.CELU(0.7),
        nn.Hardtanh(-0.5, 0.25),
        nn.Softsign(),
        nn.LogSigmoid(),
        nn.GLU(2),
        nn.ConstantPad2d((1, 2, 0, 3), 0.5),
        nn.ZeroPad2d(2),
        nn.ReflectionPad2d((1, 2, 0, 3)),
        nn.ReplicationPad2d(1),
        nn.CircularPad2d((1, 2, 3, 0)),
        nn.UpsamplingNearest2d(scale_factor=2),
        nn.UpsamplingBilinear2d((5, 17)),
        nn.Unflatten(2, (2, 4)),
        nn.PixelUnshuffle(2),
        nn.RMSNorm(8),
        nn.RMSNorm((8, 8), 1e-3, False),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_every_kind_alone_is_the_same_in_onnx_runtime(layer: nn.Module, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    graph = nn.Graph({"only": layer}, {"only": [nn.INPUT]})
    graph.eval()
    x = images(2, 8) / 20
    save_onnx(graph, tmp_path / "net.onnx", (3, 8, 8))
    session = runtime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"image": x})
    assert near(found, ours(graph, x))


def test_channels_that_become_pixels_are_the_same_in_onnx_runtime(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    layers = {"channels": nn.Repeat((1, 4, 1, 1)), "pixels": nn.PixelShuffle(2)}
    graph = nn.Graph(layers, {"channels": [nn.INPUT], "pixels": ["channels"]})
    x = images(2, 8) / 20
    save_onnx(graph, tmp_path / "net.onnx", (3, 8, 8))
    session = runtime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"image": x})
    assert found.shape == (2, 3, 16, 16) and near(found, ours(graph, x))


@pytest.mark.parametrize(
    ("join", "first"),
    [
        (nn.Subtract(), nn.Tanh()),
        (nn.Divide(), nn.Exp()),
        (nn.MatMul(), nn.Transpose((0, 1, 3, 2))),
        (nn.Multiply(), nn.Mean((2, 3), True)),
        (nn.Add(), nn.Mean((2, 3), True)),
    ],
)
def test_every_join_is_the_same_in_onnx_runtime(
    join: nn.Module, first: nn.Module, tmp_path: Path
) -> None:
    """Of the image and a layer of it, in both orders where the join has one."""
    runtime = pytest.importorskip("onnxruntime")
    layers = {"first": first, "join": join}
    graph = nn.Graph(layers, {"first": [nn.INPUT], "join": [nn.INPUT, "first"]})
    x = images(2, 8) / 20
    save_onnx(graph, tmp_path / "net.onnx", (3, 8, 8))
    session = runtime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"image": x})
    assert near(found, ours(graph, x))


def test_rules_of_shape_are_the_same_in_onnx_runtime(tmp_path: Path) -> None:
    """Windows out of the batch and back, channels of blocks, a token for every image."""
    runtime = pytest.importorskip("onnxruntime")
    layers: dict[str, nn.Module] = {
        "depth": nn.SpaceToDepth(2),
        "up": nn.DepthToSpace(2, "CRD"),
        "windows": nn.Reshape((3, 2, 8), rows=4),
        "back": nn.Reshape((4, 3, 16), rows=(1, 4)),
        "token": nn.Constant(np.ones((1, 4, 1, 16), np.float32)),
        "joined": nn.Concatenate(2),
    }
    names = list(layers)
    wiring = {n: [nn.INPUT if i == 0 else names[i - 1]] for i, n in enumerate(names)}
    graph = nn.Graph(layers, wiring | {"joined": ["token", "back"], "token": ["back"]})
    x = images(2, 8) / 20
    save_onnx(graph, tmp_path / "net.onnx", (3, 8, 8))
    session = runtime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"image": x})
    assert found.shape == (2, 4, 4, 16) and near(found, ours(graph, x))


def test_every_kind_of_layer_is_written() -> None:
    found = (getattr(nn, name) for name in nn.__all__)
    kinds = {each for each in found if isinstance(each, type)}
    layers = {k for k in kinds if issubclass(k, nn.Module) and not issubclass(k, nn.Graph)}
    # Of images alone: neither losses nor indices nor sequences, and no containers; attention's
    # tokens have another axis of the batch.
    others = {nn.Module, nn.ModuleDict, nn.ModuleList, nn.Embedding, nn.BCEWithLogitsLoss,
              nn.CrossEntropyLoss, nn.L1Loss, nn.MSELoss, nn.NLLLoss, nn.SmoothL1Loss, nn.BCELoss,
              nn.CosineSimilarity, nn.KLDivLoss, nn.HuberLoss, nn.ParameterList, nn.Unfold,
              nn.MaxPool1d, nn.AvgPool1d, nn.AdaptiveAvgPool1d, nn.MultiheadAttention,
              nn.TransformerEncoder, nn.TransformerEncoderLayer}  # fmt: skip
    assert layers - WRITERS.keys() == others


def trained_norm(kind: type[nn.BatchNorm2d], affine: bool) -> nn.BatchNorm2d:
    """Batch normalisation that has seen a batch."""
    layer = kind(3, affine=affine)
    shape = (8, 3, 6, 4) if kind is nn.BatchNorm2d else (8, 3)
    layer(Tensor(2 * np.random.default_rng(1).standard_normal(shape, np.float32) + 1))
    for parameter in layer.parameters():
        parameter.assign(np.linspace(0.5, 2, 3))
    return layer


TRAINED: dict[str, Callable[[], nn.Module]] = {
    "BatchNorm2d": lambda: trained_norm(nn.BatchNorm2d, True),
    "BatchNorm2d without weights": lambda: trained_norm(nn.BatchNorm2d, False),
    "Dropout2d": lambda: nn.Dropout2d(0.5),
    "AdaptiveAvgPool2d": lambda: nn.AdaptiveAvgPool2d((4, 2)),
    "AdaptiveAvgPool2d of one axis": lambda: nn.AdaptiveAvgPool2d((None, 4)),
    "AdaptiveAvgPool2d to one": lambda: nn.AdaptiveAvgPool2d(1),
    "AdaptiveMaxPool2d": lambda: nn.AdaptiveMaxPool2d((2, 4)),
    "AdaptiveMaxPool2d to one": lambda: nn.AdaptiveMaxPool2d((1, 1)),
}


@pytest.mark.parametrize("name", TRAINED)
def test_a_layer_of_training_is_written_as_it_is_in_inference(name: str, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    graph = nn.Graph({"layer": TRAINED[name]()}, {"layer": [nn.INPUT]})
    graph.eval()
    x = images(2, 8) / 20
    save_onnx(graph, tmp_path / "net.onnx", (3, 8, 8))
    session = runtime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"image": x})
    assert found.shape == ours(graph, x).shape and near(found, ours(graph, x))


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (nn.AdaptiveAvgPool2d(3), r"plane of \(8, 8\) to \(3, 3\)"),
        (nn.BatchNorm2d(3, track_running_stats=False), "statistics of each batch"),
    ],
)
def test_what_has_no_operator_is_refused(layer: nn.Module, said: str, tmp_path: Path) -> None:
    graph = nn.Graph({"layer": layer}, {"layer": [nn.INPUT]})
    with pytest.raises(ValueError, match=said):
        save_onnx(graph, tmp_path / "net.onnx", (3, 8, 8))


def test_what_onnx_cannot_express_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    graph = nn.Graph({"own": Own()}, {"own": [nn.INPUT]})
    with pytest.raises(TypeError, match="'own', a Own, cannot be written to ONNX"):
        save_onnx(graph, tmp_path / "net.onnx", (3, 16, 16))
    assert list(tmp_path.iterdir()) == []
