"""The pretrained network: its size, its files, and the claims of its card."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from minidl import serialize
from zfnet import pretrained
from zfnet.cli.options import open_network
from zfnet.data.scenes import Scenes
from zfnet.experiments.shared.photographs import Photograph, as_inputs

CARD = (Path(pretrained.__file__).parent / "CARD.md").read_text(encoding="utf-8")


def test_the_weights_are_in_half_precision_and_small() -> None:
    arrays, _ = serialize.load(pretrained.FILE)
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float16)}
    assert pretrained.FILE.stat().st_size <= 12_000_000


def test_the_file_names_nobodys_folders() -> None:
    _, metadata = serialize.load(pretrained.FILE)
    assert json.loads(metadata["network"])["data"] == pretrained.NAME


def test_it_is_the_network_that_commands_take_without_model() -> None:
    network, called = open_network(None)
    assert pretrained.FILE.name in called
    assert len(network.classes) == 100 and network.model.settings.image_size == 64
    x = as_inputs(network, [Photograph("scene", Scenes("val", count=1).image(0))])
    p = network.probabilities(x)
    assert p.dtype == np.float32 and p.shape == (1, 100)
    assert abs(float(p.sum()) - 1) < 1e-5


def test_the_card_says_how_large_and_how_good_it_is() -> None:
    network, last = pretrained.load(), pretrained.history()[-1]
    assert f"{network.model.parameter_count:,} parameters" in CARD
    assert f"{100 * last['val_accuracy']:.1f} %" in CARD
    assert f"{100 * last['val_top5_accuracy']:.1f} %" in CARD
    assert f"after epoch {last['epoch']:.0f}" in CARD


def test_the_card_lists_every_class() -> None:
    (listed,) = re.findall(r"<!-- classes -->\n(.*?)\n<!-- /classes -->", CARD, re.DOTALL)
    assert tuple(name.strip() for name in listed.split(";")) == pretrained.load().classes


@pytest.mark.parametrize("layer", ["conv1", "conv5", "fc8"])
def test_its_weights_are_numbers_that_were_learned(layer: str) -> None:
    weight = getattr(pretrained.load().model, layer).weight.data
    assert np.isfinite(weight).all()
    assert weight.std() > 1e-3
