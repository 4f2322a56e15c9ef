"""A network's file: round trip, and refusal of other files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels.bounds import rounding, same_bits, within
from minidl import serialize
from tests.zfnet.tiny import Pictures, network
from zfnet.network import FILE, FORMAT, from_arrays, load


@pytest.mark.parametrize("name", ["", "net.safetensors"], ids=["a folder", "a file"])
def test_a_network_comes_back_from_its_file(tmp_path: Path, name: str) -> None:
    first = network(norm="lrn", seed=3)
    first.save(tmp_path / name)
    again = load(tmp_path / name)
    assert again.model.settings == first.model.settings
    assert (again.classes, again.data) == (first.classes, first.data)
    arrays, expected = again.arrays(), first.arrays()
    assert arrays.keys() == expected.keys()
    assert all(same_bits(arrays[key], expected[key]) for key in expected)


def test_half_the_precision_is_half_the_file_and_computes_in_float32(tmp_path: Path) -> None:
    first = network(norm="lrn", seed=3)
    first.save(tmp_path / "whole")
    first.save(tmp_path / "half", half=True)
    # The description is as long in both.
    saved = (tmp_path / "whole").stat().st_size - (tmp_path / "half").stat().st_size
    assert saved >= 0.45 * sum(array.nbytes for array in first.arrays().values())
    for name, array in load(tmp_path / "half").arrays().items():
        assert array.dtype == np.float32
        assert same_bits(array, first.arrays()[name].astype(np.float16).astype(np.float32))


@pytest.mark.parametrize(
    ("data", "name", "classes", "expected"),
    [
        ("/somewhere/birds", "/elsewhere/birds", ("owl", "jay"), True),
        ("/somewhere/birds", "/somewhere/cars", ("owl", "jay"), False),
        ("/somewhere/birds", "/somewhere/all", ("red", "owl", "green", "blue"), True),
        ("", "/somewhere/birds", ("owl", "jay"), False),
        ("", ".", (), False),
    ],
)
def test_the_training_data_are_recognised_by_name_or_classes(
    data: str, name: str, classes: tuple[str, ...], expected: bool
) -> None:
    pictures = Pictures(classes=classes or ("",))
    pictures.name, pictures.classes = name, classes
    net = network()
    net.data = data
    assert net.learned_from(pictures) is expected


def test_probabilities_are_a_distribution_without_dropout() -> None:
    net, x = network(), np.random.default_rng(0).normal(0, 50, (4, 3, 32, 32)).astype(np.float32)
    net.model.train()
    p = net.probabilities(x)
    assert p.shape == (4, 3)
    assert same_bits(p, net.probabilities(x))
    # log p is off by 4 roundings of its size, exp turns that into a relative error; then the sum.
    units = 4 * float(np.abs(np.log(p)).max()) + 1 + p.shape[1]
    assert within(p.sum(axis=1), np.ones(4), rounding(units, np.ones(4), np.float32))


def changed(**entries: Any) -> dict[str, str]:
    """A network's metadata with some entries of its description replaced."""
    metadata = network().metadata()
    return {**metadata, "network": json.dumps({**json.loads(metadata["network"]), **entries})}


@pytest.mark.parametrize(
    ("metadata", "shown"),
    [
        ({}, "its format is None"),
        ({"format": FORMAT}, "'network'"),
        ({"format": FORMAT, "network": "null"}, "NoneType"),
        ({"format": FORMAT, "network": "{"}, "property name"),
        (changed(classes=["red", "green"]), "2 classes for 3 outputs"),
        (changed(settings="zfnet"), "settings|attribute"),
        (changed(settings={"architecture": "vgg"}), "'vgg'"),
        (changed(preprocess={"image_size": 40, "resize": 36}), "resize = 36"),
    ],
)
def test_a_description_of_something_else_is_refused(metadata: dict[str, str], shown: str) -> None:
    with pytest.raises(ValueError, match=rf"odd\.safetensors .*({shown})"):
        from_arrays(network().arrays(), metadata, source="odd.safetensors")


def test_a_file_without_a_mean_is_refused() -> None:
    arrays = network().arrays()
    del arrays["preprocess.mean"]
    with pytest.raises(ValueError, match=r"preprocess\.mean"):
        from_arrays(arrays, network().metadata(), source="odd.safetensors")


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"{FILE}"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["net.onnx", "net.pth"])
def test_a_network_from_elsewhere_is_sent_to_zfnet_import(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x08\x07")
    with pytest.raises(ValueError, match=rf"`zfnet import .*{name} --out DIR` converts it once"):
        load(tmp_path / name)


def test_a_file_of_anything_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"PK\x03\x04 not safetensors")
    with pytest.raises(ValueError, match="is not a whole safetensors file"):
        load(tmp_path)
    serialize.save(tmp_path / FILE, {"x": np.zeros(3, np.float32)}, {"format": "other"})
    with pytest.raises(ValueError, match="its format is 'other'"):
        load(tmp_path)
