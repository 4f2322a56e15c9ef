"""Tests of ONNX files: names, sizes, types and files of weights, the order of nodes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels.bounds import rounding, same_bits, within
from minidl import nn
from minidl.formats.onnx import load_onnx, read_shape
from tests.minidl.onnx_graphs import classifier, drawn, model, node, onnx, runtime
from tests.minidl.onnx_running import absolute, loaded, run

pytestmark = pytest.mark.quick

IMAGES = drawn(np.random.default_rng(1), 3, 3, 8, 6)
TERMS = 27 + 48 + 4 + 6
"""Roundings on the way through `classifier`: each layer's terms, and its bias."""


def close(net: nn.Graph, result: np.ndarray, expected: np.ndarray) -> bool:
    """True if two results of `classifier` differ by rounding alone."""
    return within(result, expected, 2 * rounding(TERMS, absolute(net, IMAGES), np.float32))


@pytest.mark.parametrize("opset", [7, 11, 13, 22])
def test_a_batch_whose_size_is_read_from_a_shape_is_free(
    opset: int, tmp_path: Path, exact_kernels: None
) -> None:
    proto = classifier(opset, ["N", 3, 8, 6])
    net = loaded(proto, tmp_path)
    assert close(net, run(net, IMAGES), runtime(proto, IMAGES))


@pytest.mark.parametrize("shape", [[1, 3, 8, 6], [7, 3, 8, 6], ["N", 3, 8, 6]])
def test_the_batch_is_free_whatever_the_file_says(shape: list[Any], tmp_path: Path) -> None:
    net = loaded(classifier(13, shape), tmp_path)
    alone = np.concatenate([run(net, IMAGES[at : at + 1]) for at in range(3)])
    assert close(net, run(net, IMAGES), alone)


@pytest.mark.parametrize("size", [(8, 6), [8, 6]])
def test_a_size_that_the_file_leaves_open_is_given(size: Any, tmp_path: Path) -> None:
    proto = classifier(13, ["N", 3, "height", "width"])
    net = loaded(proto, tmp_path, size=size)
    assert read_shape(tmp_path / "model.onnx", size=size) == (3, 8, 6)
    assert run(net, IMAGES).shape == (3, 5)


def test_one_number_gives_both_sizes(tmp_path: Path) -> None:
    loaded(classifier(13, ["N", 3, "height", "width"]), tmp_path, size=9)
    assert read_shape(tmp_path / "model.onnx", size=9) == (3, 9, 9)


def test_layers_have_the_names_of_their_nodes_or_of_what_they_make(tmp_path: Path) -> None:
    net = loaded(classifier(13, ["N", 3, 8, 6]), tmp_path)
    assert list(net.wiring()) == ["conv1", "r", "p", "f", "y"]


def test_names_are_made_unique_and_leave_the_image_its_own(tmp_path: Path) -> None:
    nodes = [node("Relu", "x", "a", name="input"), node("Relu", "a", "b", name="b"),
             node("Relu", "b", "y", name="b")]  # fmt: skip
    net = loaded(model(nodes, [1, 2, 3, 3]), tmp_path)
    assert dict(net.wiring()) == {"input_2": ("input",), "b": ("input_2",), "b_2": ("b",)}


def test_initializers_may_be_listed_as_inputs_as_old_files_do(tmp_path: Path) -> None:
    proto = classifier(13, ["N", 3, 8, 6])
    for tensor in proto.graph.initializer:
        value = onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        proto.graph.input.append(value)
    assert run(loaded(proto, tmp_path), IMAGES).shape == (3, 5)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_become_float32(dtype: Any, tmp_path: Path) -> None:
    weight = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(dtype)
    net = loaded(classifier(13, ["N", 3, 8, 6], w=weight), tmp_path)
    assert np.array_equal(net.state_dict()["conv1.weight"], weight.astype(np.float32))


def test_a_network_in_float16_is_computed_in_float32(tmp_path: Path) -> None:
    """With weights that both types hold, the casts at both ends change nothing."""
    weight = drawn(np.random.default_rng(0), 4, 3, 3, 3).astype(np.float16)
    half, single = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    cast = [node("Cast", "x", "h", to=half), node("Conv", "h w", "c"), node("Cast", "c", to=single)]
    mixed = loaded(model(cast, ["N", 3, 8, 6], w=weight), tmp_path)
    plain = [node("Conv", "x w")]
    other = loaded(model(plain, ["N", 3, 8, 6], w=weight.astype(np.float32)), tmp_path)
    assert same_bits(run(mixed, IMAGES), run(other, IMAGES))


def test_values_that_are_listed_one_by_one_are_read_as_bytes_are(tmp_path: Path) -> None:
    proto = classifier(13, ["N", 3, 8, 6])
    packed = loaded(proto, tmp_path).state_dict()
    for tensor in proto.graph.initializer:
        array = onnx.numpy_helper.to_array(tensor)
        listed = onnx.helper.make_tensor(tensor.name, tensor.data_type, array.shape, array.ravel())
        tensor.CopyFrom(listed)
    found = loaded(proto, tmp_path).state_dict()
    assert all(same_bits(found[name], array) for name, array in packed.items())


def test_weights_in_files_beside_the_model_are_read(tmp_path: Path) -> None:
    proto = classifier(13, ["N", 3, 8, 6])
    expected = loaded(proto, tmp_path).state_dict()
    (tmp_path / "weights").mkdir()
    onnx.save(proto, tmp_path / "other.onnx", save_as_external_data=True,
              location="weights/all.bin", size_threshold=0)  # fmt: skip
    found = load_onnx(tmp_path / "other.onnx").state_dict()
    assert all(same_bits(found[name], array) for name, array in expected.items())


def test_nodes_in_any_order_are_sorted(tmp_path: Path) -> None:
    proto = classifier(13, ["N", 3, 8, 6])
    nodes = [onnx.NodeProto.FromString(each.SerializeToString()) for each in proto.graph.node]
    for at, each in enumerate(reversed(nodes)):
        proto.graph.node[at].CopyFrom(each)
    assert run(loaded(proto, tmp_path), IMAGES).shape == (3, 5)


def test_what_does_not_lead_to_the_output_is_left_out(tmp_path: Path) -> None:
    nodes = [node("Relu", "x"), node("Erf", "x", "e"), node("Neg", "e", "unused")]
    assert list(loaded(model(nodes, [1, 2, 3, 3]), tmp_path).wiring()) == ["y"]


def test_folding_leaves_no_normalisation_and_changes_roundings_alone(
    tmp_path: Path, exact_kernels: None
) -> None:
    rng = np.random.default_rng(0)
    nodes = [node("Conv", "x w", "c", pads=[1, 1, 1, 1]), node("BatchNormalization", "c s b m v")]
    proto = model(nodes, ["N", 3, 8, 6], w=drawn(rng, 4, 3, 3, 3), s=drawn(rng, 4), b=drawn(rng, 4),
                  m=drawn(rng, 4), v=np.exp(drawn(rng, 4)))  # fmt: skip
    whole, folded = loaded(proto, tmp_path), loaded(proto, tmp_path, fold=True)
    assert any(isinstance(layer, nn.Affine) for _, layer in whole.children())
    assert [type(layer) for _, layer in folded.children()] == [nn.Conv2d]
    results = run(whole, IMAGES), run(folded, IMAGES)
    assert within(*results, 2 * rounding(27 + 4, absolute(folded, IMAGES), np.float32))


def test_an_imported_network_is_in_inference_and_can_be_trained_further(tmp_path: Path) -> None:
    net = loaded(classifier(13, ["N", 3, 8, 6]), tmp_path)
    assert not any(module.training for _, module in net.modules())
    assert all(array.flags.writeable for array in net.state_dict().values())


def test_importing_writes_nothing(tmp_path: Path) -> None:
    loaded(classifier(13, ["N", 3, 8, 6]), tmp_path)
    assert os.listdir(tmp_path) == ["model.onnx"]
