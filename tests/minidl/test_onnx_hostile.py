"""ONNX files at the edges: what other readers make of them, and files that claim too much."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import Tensor, load_onnx
from minidl.formats.onnx import importing
from tests.minidl.onnx_graphs import drawn, model, node, onnx

RNG = np.random.default_rng(4)
SHAPE = ["N", 3, 8, 6]


def written(proto: Any, folder: Path) -> Path:
    file = folder / "model.onnx"
    file.write_bytes(proto.SerializeToString())
    return file


def ours(proto: Any, folder: Path, x: np.ndarray, **options: Any) -> np.ndarray:
    return load_onnx(written(proto, folder), **options)(Tensor(x)).data


def test_a_size_of_minus_1_is_open(tmp_path: Path) -> None:
    proto = model([node("Relu", "x")], [-1, 3, -1, -1])
    x = drawn(RNG, 2, 3, 4, 5)
    assert np.array_equal(ours(proto, tmp_path, x, size=(4, 5)), np.maximum(x, 0))
    with pytest.raises(ValueError, match=r"leaves its height and width open; give size=\(H, W\)"):
        load_onnx(written(proto, tmp_path))


def test_gemm_with_a_beta_of_0_does_not_read_its_bias(tmp_path: Path) -> None:
    w, x = drawn(RNG, 144, 2), drawn(RNG, 1, 3, 8, 6)
    nodes = [node("Flatten", "x", "f"), node("Gemm", "f w c", beta=0.0)]
    found = ours(model(nodes, SHAPE, w=w, c=np.full(2, np.nan, np.float32)), tmp_path, x)
    assert np.array_equal(found, ours(model(nodes, SHAPE, w=w, c=drawn(RNG, 2)), tmp_path, x))
    assert np.isfinite(found).all()


def test_lrn_without_a_bias_divides_by_the_squares_alone(tmp_path: Path) -> None:
    proto = model([node("LRN", "x", size=1, bias=0.0, alpha=1.0, beta=0.5)], SHAPE)
    x = drawn(RNG, 1, 3, 8, 6)
    np.testing.assert_allclose(ours(proto, tmp_path, x), np.sign(x), rtol=1e-6)


FOUR = dict(zip("sbmv", (np.abs(drawn(RNG, 3)) + 0.5 for _ in range(4)), strict=True))


@pytest.mark.parametrize("opset", [7, 9, 13, 15])
def test_a_normalisation_whose_further_outputs_have_no_names_is_in_inference(
    tmp_path: Path, opset: int
) -> None:
    """An empty name is an output left out; only opsets up to 13 have five."""
    x = drawn(RNG, 2, 3, 8, 6)
    one = model([node("BatchNormalization", "x s b m v")], SHAPE, opset, **FOUR)
    more = model([node("BatchNormalization", "x s b m v")], SHAPE, opset, **FOUR)
    more.graph.node[0].output.extend([""] * (2 if opset > 13 else 4))
    assert np.array_equal(ours(one, tmp_path, x), ours(more, tmp_path, x))


@pytest.mark.parametrize(("opset", "outputs"), [(7, "y p q r t"), (9, "y p q"), (13, "y p q r t")])
def test_a_normalisation_with_further_outputs_is_refused_used_or_not(
    tmp_path: Path, opset: int, outputs: str
) -> None:
    proto = model([node("BatchNormalization", "x s b m v", outputs)], SHAPE, opset, **FOUR)
    with pytest.raises(ValueError, match=r"it has \d outputs, which is training mode"):
        load_onnx(written(proto, tmp_path))


def chain(count: int) -> Any:
    """Layers in a row that all have one name."""
    values = ["x", *(f"v{i}" for i in range(count))]
    kinds = ("Relu", "Identity", "Mul")
    nodes = [
        node(kinds[i % 3], f"{before} s" if i % 3 == 2 else before, after, name="same")
        for i, (before, after) in enumerate(itertools.pairwise(values))
    ]
    return model([*nodes, node("Relu", values[-1])], SHAPE, s=np.float32(2))


def test_the_time_of_an_import_grows_in_proportion_to_the_layers(tmp_path: Path) -> None:
    """Ten times the layers take less than thirty times as long; in the square it would be 100."""
    seconds = []
    for count in (300, 3000):
        file = written(chain(count), tmp_path)
        began = time.process_time()
        net = load_onnx(file, fold=True)
        seconds.append(time.process_time() - began)
        assert len(list(net.children())) == count + 1
    assert seconds[1] < 30 * seconds[0] + 1


def test_nothing_is_allocated_for_the_sizes_that_a_file_claims(tmp_path: Path) -> None:
    """64 layers, each with an output of 1.5 GB for one image."""
    nodes = [node("Relu", f"v{i}" if i else "x", f"v{i + 1}") for i in range(64)]
    file = written(model([*nodes, node("Relu", "v64")], ["N", 3, 11000, 11000]), tmp_path)
    assert len(list(load_onnx(file).children())) == 65


def test_files_beside_the_model_are_not_multiplied(tmp_path: Path) -> None:
    """A thousand arrays from overlapping parts of one file."""
    (tmp_path / "w.bin").write_bytes(bytes(4 * 1000))
    proto = model([node("Relu", "x")], SHAPE)
    for i in range(1000):
        tensor = proto.graph.initializer.add(name=f"w{i}", data_type=1, dims=[900])
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", "w.bin"), ("offset", str(i % 64)), ("length", "3600")):
            tensor.external_data.add(key=key, value=value)
    with pytest.raises(ValueError, match=r"arrays of 3600000 bytes from w\.bin, which has 4000"):
        load_onnx(written(proto, tmp_path))


FLAT = node("Flatten", "x", "f")


def filled(nodes: list[Any], values: int) -> Any:
    """A model with a constant w of (1, values), all one number, of which the file has the shape."""
    one = onnx.numpy_helper.from_array(np.ones(1, np.float32))
    made = node("ConstantOfShape", "s", "w", value=one)
    return model([made, FLAT, *nodes], ["N", 1, 1, 1], s=np.array([1, values]))


def test_a_large_constant_of_one_number_is_a_weight(tmp_path: Path) -> None:
    """As in the zoo's networks that the onnx package carries: here 80 MB in 200 bytes."""
    net = load_onnx(written(filled([node("MatMul", "f w")], 20_000_000), tmp_path))
    assert sum(parameter.size for parameter in net.parameters()) == 20_000_000


@pytest.mark.parametrize(
    ("nodes", "values", "message"),
    [
        ([node("MatMul", "f w")], 1 << 40, "ConstantOfShape of node 'w' .* 4398046511104 bytes"),
        ([node("Transpose", "w", "t"), node("MatMul", "f t")], 1 << 25,
         "Transpose of node 't' .* 134217728 bytes is more"),
    ],
)  # fmt: skip
def test_a_larger_constant_is_refused_before_it_takes_memory(
    nodes: list[Any], values: int, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        load_onnx(written(filled(nodes, values), tmp_path))


def test_the_weights_that_nodes_make_of_one_constant_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each alpha makes another weight of it; with one alpha all are one weight."""
    monkeypatch.setattr(importing, "WEIGHTS", 1 << 20)
    many = [node("Gemm", "f w", f"a{i}", alpha=1.0 + i) for i in range(20)]
    last = node("Sum", " ".join(f"a{i}" for i in range(20)))
    with pytest.raises(ValueError, match=r"the weights up to layer 'a2' would take more memory"):
        load_onnx(written(filled([*many, last], 100_000), tmp_path))
    one = [node("Gemm", "f w", f"a{i}", alpha=2.0) for i in range(20)]
    net = load_onnx(written(filled([*one, last], 100_000), tmp_path))
    assert sum(parameter.size for parameter in net.parameters()) == 100_000
