"""torchvision's AlexNet and VGG from their weights, against the same written in PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import Tensor, no_grad, serialize
from minidl.formats.torchvision import from_state_dict
from tests.zfnet.test_cli import zfnet
from zfnet import network as networks

torch: Any = pytest.importorskip("torch")


def alexnet(narrow: int = 8, classes: int = 5) -> Any:
    """torchvision.models.alexnet with fewer maps."""
    t = torch.nn
    c = [width // narrow for width in (64, 192, 384, 256, 256)]
    features = t.Sequential(
        t.Conv2d(3, c[0], 11, 4, 2), t.ReLU(), t.MaxPool2d(3, 2),
        t.Conv2d(c[0], c[1], 5, padding=2), t.ReLU(), t.MaxPool2d(3, 2),
        t.Conv2d(c[1], c[2], 3, padding=1), t.ReLU(),
        t.Conv2d(c[2], c[3], 3, padding=1), t.ReLU(),
        t.Conv2d(c[3], c[4], 3, padding=1), t.ReLU(), t.MaxPool2d(3, 2),
    )  # fmt: skip
    classifier = t.Sequential(
        t.Dropout(), t.Linear(c[4] * 36, 16), t.ReLU(), t.Dropout(), t.Linear(16, 12), t.ReLU(),
        t.Linear(12, classes),
    )  # fmt: skip
    return together(features, t.AdaptiveAvgPool2d(6), classifier)


def vgg(
    normalised: bool, widths: tuple[object, ...] = (4, "M", 6, "M", 8, 8, "M", 8, "M", 8, "M")
) -> Any:
    """torchvision.models.vgg11 with fewer maps, `normalised` or not."""
    t = torch.nn
    layers, before = [], 3
    for width in widths:
        if width == "M":
            layers.append(t.MaxPool2d(2))
            continue
        layers.append(t.Conv2d(before, width, 3, padding=1))
        layers += [t.BatchNorm2d(width), t.ReLU()] if normalised else [t.ReLU()]
        before = width
    classifier = t.Sequential(
        t.Linear(8 * 49, 16), t.ReLU(), t.Dropout(), t.Linear(16, 12), t.ReLU(), t.Dropout(),
        t.Linear(12, 5),
    )  # fmt: skip
    return together(t.Sequential(*layers), t.AdaptiveAvgPool2d(7), classifier)


def together(features: Any, pool: Any, classifier: Any) -> Any:
    parts = {
        "features": features,
        "avgpool": pool,
        "flat": torch.nn.Flatten(),
        "classifier": classifier,
    }
    model = torch.nn.Sequential()
    for name, part in parts.items():
        model.add_module(name, part)
    generator = torch.Generator().manual_seed(1)
    for name, value in model.state_dict().items():
        if name.endswith("running_var") or (value.ndim == 1 and name.endswith("weight")):
            value.copy_(0.5 + torch.rand(value.shape, generator=generator))
        elif value.is_floating_point():
            scale = max(value[0].numel(), 1) ** -0.5 if value.ndim > 1 else 0.1
            value.copy_(scale * 1.5 * torch.randn(value.shape, generator=generator))
    return model.eval()


MODELS = {"alexnet": alexnet, "vgg": lambda: vgg(False), "vgg_bn": lambda: vgg(True)}


def state(model: Any) -> dict[str, np.ndarray]:
    return {
        name: value.numpy()
        for name, value in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


@pytest.mark.parametrize("name", MODELS)
def test_the_network_gives_what_pytorchs_gives(name: str) -> None:
    model = MODELS[name]()
    x = np.random.default_rng(0).standard_normal((1, 3, 224, 224)).astype(np.float32)
    with torch.no_grad():
        theirs = model(torch.tensor(x)).numpy()
    net = from_state_dict(state(model))
    net.eval()
    with no_grad():
        ours = net(Tensor(x)).data
    # Some thousand roundings of 1e-7, Winograd's among them.
    assert not np.abs(ours - theirs).max() > 1e-3 * np.abs(theirs).max()


@pytest.mark.parametrize("name", ["alexnet", "vgg"])
def test_the_weights_keep_pytorchs_names(name: str) -> None:
    arrays = state(MODELS[name]())
    net = from_state_dict(arrays)
    assert net.state_dict().keys() == arrays.keys()
    assert "features.1" in dict(net.children()) and "classifier.6" in dict(net.children())


@pytest.mark.parametrize("suffix", ["pth", "pt", "safetensors"])
def test_a_file_is_imported_as_typed(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, run, model = tmp_path / f"alexnet.{suffix}", tmp_path / "run", alexnet()
    if suffix == "safetensors":
        serialize.save(file, state(model))
    else:
        torch.save(model.state_dict(), file)
    assert zfnet(monkeypatch, "import", file, "--out", run) == 0
    network = networks.load(run)
    assert network.model.shown_layers == [f"features.{i}" for i in (0, 3, 6, 8, 10)]
    assert network.model.scores == "classifier.6" and network.preprocess.fit == "centre"
    pixels = np.random.default_rng(1).integers(0, 256, (224, 224, 3), np.uint8)
    x = (pixels.transpose(2, 0, 1)[None] / 255).astype(np.float32)  # (S,S,3) -> (1,3,S,S)
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406],
                                                               [0.229, 0.224, 0.225]))  # fmt: skip
    with torch.no_grad():
        theirs = torch.softmax(model((torch.tensor(x) - mean) / std), 1).numpy()
    given = pixels.astype(np.float32) - network.preprocess.mean[:, :1, :1].ravel()
    ours = network.probabilities(np.ascontiguousarray(given.transpose(2, 0, 1)[None]))
    assert not np.abs(ours - theirs).max() > 1e-3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features.3.weight": np.zeros((24, 9, 5, 5), np.float32)}, "features.3 takes 9 channels"),
        ({"features.3.bias": None}, "features.3.bias is missing from the weights"),
        ({"features.3.bias": np.zeros(3, np.float32)}, "are unlike this layer's"),
        ({"classifier.9.weight": np.zeros((2, 2), np.float32)}, "neither AlexNet nor a VGG"),
        ({"other.weight": np.zeros(2, np.float32)}, "belong to no layer: other.weight"),
    ],
)
def test_weights_that_do_not_fit_are_named(change: dict[str, Any], message: str) -> None:
    arrays = {k: v for k, v in (state(alexnet()) | change).items() if v is not None}
    with pytest.raises(ValueError, match=message):
        from_state_dict(arrays)
