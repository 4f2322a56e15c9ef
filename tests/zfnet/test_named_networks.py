"""Networks by name: their layers, the values that they compute, and their files."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from minidl import Tensor, nn, no_grad
from minidl.nn.folding import fold
from tests.networks.cases import torchvision
from tests.zfnet.named_networks import by_pytorch, network, small
from tests.zfnet.test_claimed_sizes import refused
from zfnet.architectures import NAMES, NamedNet, NamedSettings, build
from zfnet.deconvnet import Deconvnet, Unit
from zfnet.imported import Imported
from zfnet.network import load

# Of 1000 classes: Table 1 of He et al. 2016 has the layers, torchvision's pages the counts.
COUNTS = {"resnet18": 11_689_512, "resnet34": 21_797_672, "mobilenet_v2": 3_504_872}


def images(count: int = 3, side: int = 32, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 60, (count, 3, side, side))


@pytest.mark.parametrize("name", COUNTS)
def test_the_published_networks_have_as_many_parameters_as_published(name: str) -> None:
    model = build(NamedSettings(name))  # type: ignore[arg-type]
    assert model.parameter_count == COUNTS[name]
    assert model.shapes()[model.convolutions[-1]][1:] == (7, 7)  # of 224 pixels


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "mobilenet_v2"])
def test_names_and_shapes_are_torchvisions(name: str) -> None:
    if find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    theirs = torchvision().get_model(name).state_dict()
    ours = build(NamedSettings(name)).state_dict()  # type: ignore[arg-type]
    assert {n: a.shape for n, a in ours.items()} == {n: tuple(t.shape) for n, t in theirs.items()}


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("name", NAMES)
def test_scores_are_pytorchs(name: str, training: bool) -> None:
    model = small(name).double().train(training)
    x = images()
    expected = by_pytorch(model, torch.tensor(x), training=training).numpy()
    with no_grad():
        found = model(Tensor(x)).numpy()
    assert not np.abs(found - expected).max() > 1e-11 * np.abs(expected).max()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("side", "stem"), [(32, 0), (64, 0), (40, 1), (40, 4), (130, 0)])
def test_the_stem_decides_how_much_the_first_layers_shrink(name: str, side: int, stem: int) -> None:
    model = small(name, image_size=side, stem=stem, blocks=())
    factor = stem or (1 if side <= 48 else 2 if side <= 112 else 4)
    *_, P, Q = model.shapes()[model.convolutions[-1]]
    after = {"vgg11_bn": 4}.get(name, 8)  # behind the stem; the last pool of VGG is no convolution
    sizes = {-(-side // factor) / after, side / factor / after}
    assert P == Q and min(abs(P - size) for size in sizes) < 1


def test_a_network_that_trains_begins_near_its_shortcuts() -> None:
    model = build(NamedSettings("resnet18", 3, 32, width=0.1, blocks=(1, 1)))
    for name in ("layer1.0.bn2", "layer2.0.bn2"):
        assert not dict(model.named_children())[name].weight.data.any()


def test_shapes_are_asked_for_while_it_trains_without_counting_a_batch() -> None:
    model = build(NamedSettings("resnet18", 3, 32, width=0.1, blocks=(1,))).train()
    model.__dict__.pop("_shapes", None)
    assert model.shapes()["fc"] == (3,)
    counted = [b.item() for n, b in model.named_buffers() if n.endswith("tracked")]
    assert counted == [0] * 3 and all(m.training for _, m in model.named_modules())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blocks": (1,) * 5}, r"5 stages; resnet18 has 4: 2,2,2,2"),
        ({"blocks": (0, 1)}, r"from 1 to 64, got \(0, 1\)"),
        ({"width": 0}, "width must be above 0"), ({"stem": 3}, "stem must be 1, 2 or 4"),
        ({"dropout": 1}, "below 1"), ({"image_size": 0}, "image_size must be a whole number"),
        ({"width": float("nan")}, "width must be above 0"),
    ],
    ids=str,
)  # fmt: skip
def test_settings_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(NamedSettings("resnet18", **{"num_classes": 3, "image_size": 32, **options}))


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(ValueError, match="no network 'resnet50'; there are resnet18, resnet34, mo"):
        build(NamedSettings("resnet50", 3, 32))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_the_network_with_its_statistics(name: str, tmp_path: Path) -> None:
    before = network(name)
    for layer in (m for _, m in before.model.named_modules() if isinstance(m, nn.BatchNorm2d)):
        layer.momentum, layer.eps = 0.01, 1e-3
        layer.num_batches_tracked.assign(np.array(12345))
    before.save(tmp_path / "net.safetensors")
    after = load(tmp_path / "net.safetensors")
    assert isinstance(after.model, NamedNet) and after.model.settings == before.model.settings
    arrays = before.model.state_dict()
    assert arrays.keys() == after.model.state_dict().keys()
    for key, array in after.model.state_dict().items():
        np.testing.assert_array_equal(array, arrays[key])
    norm = next(m for _, m in after.model.named_modules() if isinstance(m, nn.BatchNorm2d))
    assert (norm.momentum, norm.eps, norm.training) == (0.01, 1e-3, False)
    x = images().astype(np.float32)
    np.testing.assert_array_equal(after.probabilities(x), before.probabilities(x))


def test_half_precision_keeps_the_statistics(tmp_path: Path) -> None:
    before = network()
    norm = next(m for _, m in before.model.named_modules() if isinstance(m, nn.BatchNorm2d))
    norm.running_var.assign(np.full_like(norm.running_var.data, 1e6))  # more than float16 has
    norm.num_batches_tracked.assign(np.array(70001))
    before.save(tmp_path / "net.safetensors", half=True)
    after = load(tmp_path / "net.safetensors").model.state_dict()
    for name, buffer in before.model.named_buffers():
        np.testing.assert_array_equal(after[name], buffer.data)
    weights = before.model.state_dict()["conv1.weight"]
    np.testing.assert_array_equal(after["conv1.weight"], weights.astype(np.float16))


def _entry(described: dict[str, Any], name: str) -> dict[str, Any]:
    return next(e for e in described["named"]["graph"]["layers"] if e["name"] == name)


def _damaged() -> dict[str, tuple[Any, str]]:
    """What is done to (arrays, description), and the message."""
    return {
        "no variance": (lambda a, d: a.pop("bn1.running_var"), "go together"),
        "no count": (lambda a, d: a.pop("bn1.num_batches_tracked"), "go together"),
        "no bias": (lambda a, d: a.pop("bn1.bias"), "go together"),
        "another array": (lambda a, d: a.update({"bn1.gamma": a["bn1.bias"]}), "has a weight and"),
        "short": (lambda a, d: a.update({"bn1.bias": a["bn1.bias"][:2]}), r"must be \(6,\)"),
        "negative": (lambda a, d: a["bn1.running_var"].fill(-1), "must not be negative"),
        "no number": (lambda a, d: a["bn1.running_var"].fill(np.nan), "must not be negative"),
        "count": (
            lambda a, d: a.update({"bn1.num_batches_tracked": np.array(0.5)}), "one whole number"
        ),
        "counts": (
            lambda a, d: a.update({"bn1.num_batches_tracked": np.zeros(6, int)}), "one whole number"
        ),
        "features": (
            lambda a, d: _entry(d, "bn1")["settings"].update(num_features=10**12), "must be"
        ),
        "eps": (lambda a, d: _entry(d, "bn1")["settings"].update(eps=-1), "eps must be a number"),
        "eps text": (lambda a, d: _entry(d, "bn1")["settings"].update(eps="x"), "eps"),
        "momentum": (lambda a, d: _entry(d, "bn1")["settings"].update(momentum=[1]), "momentum"),
        "setting": (lambda a, d: _entry(d, "bn1")["settings"].update(affine=True), "no settings"),
        "no features": (lambda a, d: _entry(d, "bn1").update(settings={}), "num_features"),
        "classes": (lambda a, d: d["named"]["settings"].update(num_classes=4), "for 4 classes"),
        "size": (lambda a, d: d["named"]["settings"].update(image_size=10**6), "whole number"),
        "no settings": (lambda a, d: d["named"].pop("settings"), "settings"),
        "unknown": (lambda a, d: d["named"]["settings"].update(colour=1), "colour"),
        "circle": (lambda a, d: _entry(d, "bn1").update(inputs=["fc"]), "circle"),
        "kind": (lambda a, d: _entry(d, "relu").update(kind="Lambda"), "no kind 'Lambda'"),
    }  # fmt: skip


@pytest.mark.parametrize("damage", _damaged())
def test_a_file_that_fits_in_no_way_is_refused_in_one_sentence(damage: str) -> None:
    net = network()
    arrays = {name: array.copy() for name, array in net.arrays().items()}
    described = json.loads(net.metadata()["network"])
    change, message = _damaged()[damage]
    change(arrays, described)
    refused(arrays, described, message)


@pytest.mark.parametrize("name", NAMES)
def test_projections_are_those_of_the_network_with_its_normalisations_folded(name: str) -> None:
    model = small(name).double().eval()
    folded = Imported(fold(model), 32)
    x = images(1)
    joined = [n for n, m in model.named_children() if isinstance(m, nn.Add | nn.MaxPool2d)]
    for layer in (joined[0], joined[-1], model.scores):
        unit = Unit(1, *(size // 2 for size in model.unit_planes(layer)[1:]))
        found, expected = (
            Deconvnet(net).project_each(x, layer, [unit])[0].pixels for net in (model, folded)
        )
        assert np.abs(expected).max() > 0
        assert not np.abs(found - expected).max() > 1e-10 * np.abs(expected).max()


def test_every_unit_sees_what_moves_it() -> None:
    model = small("resnet18", image_size=64, stem=1, blocks=(1, 1)).double().eval()
    x = images(1, 64)
    layer, unit = "layer2.0.add", (1, 9, 9)
    box = model.receptive_field(layer, *unit[1:])
    for row, column in ((box.top, box.left), (box.bottom - 1, box.right - 1),
                        (box.top - 1, box.left), (box.bottom, box.right - 1)):  # fmt: skip
        moved = x.copy()
        moved[0, :, row, column] += 1000
        with no_grad():
            values = [model.activations(Tensor(i))[layer].numpy()[(0, *unit)] for i in (x, moved)]
        inside = box.top <= row < box.bottom and box.left <= column < box.right
        assert (values[0] != values[1]) == inside
