"""Network files that claim sizes which their weights do not have, and descriptions without end."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import nn, serialize
from tests.zfnet.tiny import network
from zfnet.checkpoint import CHECKPOINT, load_checkpoint
from zfnet.data import Preprocess
from zfnet.imported import Imported
from zfnet.model import ConvNet, weight_shapes
from zfnet.network import Network, from_arrays, load

MEBIBYTE = 1 << 20


def refused(arrays: dict[str, np.ndarray], described: Any, message: str) -> None:
    """The file is refused with this message, before memory is taken for what it claims."""
    text = described if isinstance(described, str) else json.dumps(described)
    metadata = network().metadata() | {"network": text}
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=rf"odd\.safetensors cannot be .*{message}"):
            from_arrays(arrays, metadata, source="odd.safetensors")
        assert tracemalloc.get_traced_memory()[1] < 128 * MEBIBYTE
    finally:
        tracemalloc.stop()


def changed(net: Network, **settings: Any) -> dict[str, Any]:
    described: dict[str, Any] = json.loads(net.metadata()["network"])
    described["settings"] |= settings
    return described


@pytest.mark.parametrize(
    "settings",
    [
        {"width": 16}, {"hidden": [10**9, 10**9]}, {"num_classes": 10**12}, {"image_size": 10**6},
        {"variant": "b", "width": 15.9}, {"without": [6]}, {"architecture": "alexnet"},
        {"paddings": [10**6, 10**6]}, {"hidden": [2**70, 1]}, {"num_classes": 2**70},
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_claim_other_weights_are_refused_before_memory_is_taken(
    settings: dict[str, Any],
) -> None:
    net = network()
    refused(net.arrays(), changed(net, **settings), "")


def test_the_message_has_the_stored_shape_and_the_claimed_one() -> None:
    net = network()
    refused(
        net.arrays(), changed(net, width=16),
        r"conv1\.weight \(3, 3, 7, 7\), expected \(1536, 3, 7, 7\)",
    )  # fmt: skip


def test_the_shapes_of_the_weights_are_those_that_a_network_gets() -> None:
    for net in (network(), network(without=(3, 7)), network(norm_before_pool=True)):
        assert isinstance(net.model, ConvNet)
        own = {name: array.shape for name, array in net.model.state_dict().items()}
        assert weight_shapes(net.model.settings) == own


def test_preprocessing_for_images_of_another_size_is_refused() -> None:
    net = network()
    described = changed(net)
    described["preprocess"]["image_size"] -= 1
    refused(net.arrays(), described, "makes images of 31 pixels, it takes 32")


@pytest.mark.parametrize("depth", [900, 100_000])
def test_a_description_nested_without_end_is_refused_in_a_sentence(depth: int) -> None:
    for opening, closing in ("[]", ('{"a":', "}")):
        text = opening * depth + ("" if opening == "[" else "1") + closing * depth
        refused(network().arrays(), text, "")


def test_a_checkpoint_nested_without_end_is_refused_in_a_sentence(tmp_path: Path) -> None:
    net = network()
    metadata = {**net.metadata(), "training": "[" * 100_000 + "]" * 100_000}
    serialize.save(tmp_path / CHECKPOINT, net.arrays(), metadata)
    with pytest.raises(ValueError, match="cannot be resumed from"):
        load_checkpoint(tmp_path)


def imported(**layers: nn.Module) -> Network:
    rng = np.random.default_rng(0)
    model = nn.Sequential(
        conv=nn.Conv2d(3, 4, 3, padding=1, rng=rng), **layers, pool=nn.GlobalAvgPool2d(),
        flat=nn.Flatten(),
    )  # fmt: skip
    preprocess = Preprocess.with_one_mean(8, 9, (0, 0, 0))
    graph = nn.Graph(dict(model.children()), model.wiring())
    return Network(Imported(graph, 8), preprocess, tuple("abcd"))


LAYERS = {
    "up": nn.ConvTranspose2d(4, 4, 1, rng=np.random.default_rng(1)),
    "relu": nn.ReLU(), "lrn": nn.LocalResponseNorm(), "max": nn.MaxPool2d(2), "lcn":
    nn.LocalContrastNorm(3), "shape": nn.Reshape((4, 4, 4)),
}  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "settings"),
    [
        ("conv", {"padding": 2**20}), ("conv", {"padding": 2**40}), ("conv", {"stride": 2**70}),
        ("up", {"stride": 2**20}), ("up", {"stride": 2**70}), ("up", {"output_padding": 2**40}),
        ("up", {"padding": 2**40}), ("conv", {"dilation": 2**62}),
        ("conv", {"groups": 2**31}), ("lrn", {"size": 2**62}),
        ("lrn", {"size": 2**70}), ("lcn", {"size": 2**40 + 1}), ("max", {"kernel_size": 2**62}),
        ("max", {"stride": 2**70, "padding": 2**70}), ("shape", {"shape": [2**40, 2**40]}),
        ("shape", {"shape": [-1, 2**62]}), ("max", {"kernel_size": "3"}), ("relu", {"x": 1}),
    ],
    ids=str,
)  # fmt: skip
def test_a_layer_of_a_size_beyond_sense_is_refused(layer: str, settings: dict[str, Any]) -> None:
    net = imported(**LAYERS)
    described = json.loads(net.metadata()["network"])
    (entry,) = (e for e in described["imported"]["graph"]["layers"] if e["name"] == layer)
    entry["settings"] |= settings
    refused(net.arrays(), described, "")


def test_a_description_of_900_layers_is_read(tmp_path: Path) -> None:
    many = {f"a{i}": nn.Affine(np.ones(4, np.float32), np.zeros(4, np.float32)) for i in range(900)}
    net = imported(**many)
    net.save(tmp_path / "model.safetensors")
    again = load(tmp_path)
    assert len(again.model.layer_names()) == 903
