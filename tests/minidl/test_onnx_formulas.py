"""Tests of formulas that exporters write as several nodes, and of sizes with the batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import Tensor, load_onnx, nn
from minidl.formats.onnx import save_onnx
from minidl.formats.onnx.batch import Activation, Batch, reshaped
from minidl.formats.onnx.sizes import Size
from tests.minidl.onnx_graphs import drawn, model, node, runtime

pytestmark = pytest.mark.quick
RNG = np.random.default_rng(5)
SHAPE = ["N", 3, 4, 6]
N = Size(0, 1)
C = {"one": np.float32(1), "half": np.float32(0.5), "root": np.float32(np.sqrt(2)),
     "three": np.float32(3), "six": np.float32(6), "zero": np.float32(0), "two": np.float32(2),
     "eps": np.float32(1e-5), "scale": drawn(RNG, 6), "shift": drawn(RNG, 6),
     "last": np.array([-1])}  # fmt: skip

GELU = [node("Div", "x root", "a"), node("Erf", "a", "b"), node("Add", "b one", "c")]
CLIPPED = [node("Add", "three x", "a"), node("Clip", "a zero six", "b")]
NORMED = [
    node("ReduceMean", "x", "m", axes=[-1]), node("Sub", "x m", "c"), node("Pow", "c two", "q"),
    node("ReduceMean", "q", "v", axes=[-1]), node("Add", "v eps", "e"), node("Sqrt", "e", "s"),
    node("Div", "c s", "n"),
]  # fmt: skip
FORMULAS: dict[str, tuple[type[nn.Module], list[Any]]] = {
    "silu": (nn.SiLU, [node("Sigmoid", "x", "a"), node("Mul", "a x", name="last")]),
    "mish": (nn.Mish, [node("Softplus", "x", "a"), node("Tanh", "a", "b"),
                       node("Mul", "x b", name="last")]),
    "gelu": (nn.GELU, [*GELU, node("Mul", "x c", "d"), node("Mul", "d half", name="last")]),
    "gelu of half": (nn.GELU, [*GELU, node("Mul", "half c", "d"), node("Mul", "d x", name="last")]),
    "hardswish": (nn.Hardswish, [*CLIPPED, node("Mul", "x b", "d"),
                                 node("Div", "d six", name="last")]),
    "hardsigmoid": (nn.Hardsigmoid, [*CLIPPED, node("Div", "b six", name="last")]),
    "layer norm": (nn.LayerNorm, [*NORMED, node("Mul", "n scale", "w"),
                                  node("Add", "shift w", name="last")]),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_becomes_one_layer_with_the_name_of_its_last_node(name: str) -> None:
    kind, nodes = FORMULAS[name]
    proto = model(nodes, SHAPE, 17, **C)
    net, x = load_onnx(proto), drawn(RNG, 2, 3, 4, 6)
    assert {n: type(layer) for n, layer in net.children()} == {"last": kind}
    np.testing.assert_allclose(net(Tensor(x)).data, runtime(proto, x), rtol=1e-4, atol=1e-5)


def test_a_value_that_others_read_keeps_its_layer() -> None:
    nodes = [node("Sigmoid", "x", "a"), node("Mul", "x a", "b"), node("Add", "a b")]
    net = load_onnx(model(nodes, SHAPE))
    assert set(dict(net.children())) == {"a", "b", "y"}


def test_other_constants_are_no_formula() -> None:
    nodes = [*CLIPPED, node("Mul", "x b", "d"), node("Div", "d three", name="last")]
    proto, x = model(nodes, SHAPE, 17, **C), drawn(RNG, 2, 3, 4, 6)
    net = load_onnx(proto)
    assert len(list(net.children())) == 4
    np.testing.assert_allclose(net(Tensor(x)).data, runtime(proto, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("border", ["corrected", "zero"])
@pytest.mark.parametrize(("size", "sigma"), [(9, 1.5), (3, 0.8125), (1, 1.0)])
def test_our_own_contrast_normalisation_is_read_back(
    border: str, size: int, sigma: float, tmp_path: Path
) -> None:
    layer = nn.LocalContrastNorm(size, sigma, border, 2**-10)
    save_onnx(nn.Graph({"norm": layer}, {"norm": (nn.INPUT,)}), tmp_path / "n.onnx", (3, 8, 7))
    net = load_onnx(tmp_path / "n.onnx")
    (read,) = [each for _, each in net.children()]
    assert isinstance(read, nn.LocalContrastNorm)
    assert read.settings == layer.settings


def test_sizes_of_the_batch_are_computed_exactly() -> None:
    assert str(N * 64 + 3) == "3 + 64 N"
    assert (N * 64) // 64 == N and (N * 64) / N == 64 and N * 2 - N - N == 0
    assert (N > 0) and N != 0 and (N * 2 >= 1)
    for undecided in (lambda: N == 1, lambda: N > 1, lambda: N * N, lambda: N // 2, lambda: 6 / N):
        with pytest.raises(ValueError, match=r"batch|images"):
            undecided()


@pytest.mark.parametrize(
    ("source", "target", "written", "shape", "batch"),
    [
        ((Batch(), (1, 64, 49)), (N, -1), None, (1, 3136), Batch()),
        ((Batch(), (1, 8, 8, 9)), (N * 8, 8, 9), None, (8, 8, 9), Batch(0, 1, 8)),
        ((Batch(0, 1, 8), (8, 8, 9)), (N, 8, 8, 9), None, (1, 8, 8, 9), Batch()),
        ((Batch(1), (17, 1, 8)), (17, N * 2, 4), None, (17, 2, 4), Batch(1, 1, 2)),
        ((Batch(1), (17, 1, 8)), (-1, 8), None, (17, 8), Batch(0, 17, 1)),
        ((Batch(0, 17, 1), (17, 8)), (17, -1, 8), None, (17, 1, 8), Batch(1)),
        ((Batch(1), (17, 1, 8)), (17, 8), 1, (17, 8), Batch(0, 17, 1)),
        ((Batch(1), (17, 1, 8)), (17, 4, 4), 2, (17, 2, 4), Batch(1, 1, 2)),
        ((Batch(), (1, 8, 8, 9)), (16, 8, 9), 2, (8, 8, 9), Batch(0, 1, 8)),
    ],
)
def test_a_reshape_keeps_the_images_where_they_are(
    source: tuple[Batch, tuple[int, ...]],
    target: tuple[Any, ...],
    written: int | None,
    shape: tuple[int, ...],
    batch: Batch,
) -> None:
    x = Activation("x", source[1], source[0])
    assert reshaped(x, target, written) == (shape, batch)


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Transpose", "x", perm=[3, 2, 1, 0])],
        [node("Transpose", "x", "a", perm=[1, 0, 2, 3]), node("Relu", "a")],
        [node("Reshape", "x rows")],
        [node("Transpose", "x", "a", perm=[1, 0, 2, 3]), node("Reshape", "a rows")],
        [node("Flatten", "x", "a", axis=3), node("Softmax", "a", axis=1)],
        [node("Unsqueeze", "x front", "a"), node("Mul", "a a")],
    ],
)
def test_an_output_has_the_images_where_the_file_has_them(nodes: list[Any]) -> None:
    proto = model(nodes, SHAPE, rows=np.array([-1, 6]), front=np.array([0]))
    x = drawn(RNG, 5, 3, 4, 6)
    np.testing.assert_allclose(load_onnx(proto)(Tensor(x)).data, runtime(proto, x), rtol=1e-6)


def test_a_file_with_ten_operators_that_there_are_none_of_names_ten() -> None:
    kinds = ("Hardmax", "TopK", "NonZero", "Bernoulli", "Det", "RandomNormalLike", "Unique",
             "Multinomial", "Shrink", "RandomUniformLike")  # fmt: skip
    nodes, value = [], "x"
    for at, kind in enumerate(kinds):
        inputs, outputs = (f"{value} one", f"v{at} i{at}") if kind == "TopK" else (value, f"v{at}")
        nodes.append(node(kind, inputs, outputs))
        value = f"v{at}"
    with pytest.raises(ValueError, match="10 of its nodes cannot be") as caught:
        load_onnx(model([*nodes, node("Relu", value)], SHAPE, one=np.array([1])))
    assert all(kind in str(caught.value) for kind in kinds)
    assert "\n" not in str(caught.value)


def test_an_output_is_chosen_by_its_name() -> None:
    proto = model([node("Relu", "x"), node("Neg", "x", "z")], SHAPE)
    proto.graph.output.add().CopyFrom(proto.graph.output[0])
    proto.graph.output[1].name = "z"
    x = drawn(RNG, 2, 3, 4, 6)
    assert np.array_equal(load_onnx(proto, output="z")(Tensor(x)).data, -x)
    assert np.array_equal(load_onnx(proto)(Tensor(x)).data, np.maximum(x, 0))
    with pytest.raises(ValueError, match="it has no output 'w'; 2 outputs: y, z"):
        load_onnx(proto, output="w")


def test_bytes_and_a_model_are_read_as_a_file_is(tmp_path: Path) -> None:
    proto, x = model([node("Relu", "x")], SHAPE), drawn(RNG, 1, 3, 4, 6)
    for source in (proto, proto.SerializeToString()):
        assert np.array_equal(load_onnx(source)(Tensor(x)).data, np.maximum(x, 0))
    with pytest.raises(ValueError, match="the model is no whole ONNX file"):
        load_onnx(b"nothing")
    with pytest.raises(TypeError, match="a path, bytes or a ModelProto, got a int"):
        load_onnx(3)
