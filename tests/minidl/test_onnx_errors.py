"""Tests of bad ONNX files: each is refused with one sentence that names the mistake."""

from __future__ import annotations

import builtins
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minidl.formats.onnx import load_onnx, read_shape
from tests.minidl.onnx_graphs import classifier, model, node, onnx
from tests.minidl.onnx_running import refused

pytestmark = pytest.mark.quick

SHAPE = ["N", 3, 8, 6]
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for nothing in (tmp_path / "nothing.onnx", tmp_path):
        with pytest.raises(FileNotFoundError, match=f"no file {nothing}"):
            load_onnx(nothing)


@given(data=st.data())
@in_one_folder
def test_a_truncated_file_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    whole = classifier(13, SHAPE).SerializeToString()
    file = tmp_path / "model.onnx"
    file.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    for read in (load_onnx, read_shape):
        with pytest.raises(ValueError, match=r"model\.onnx is no whole ONNX file"):
            read(file)


@given(content=st.binary(max_size=200))
@in_one_folder
def test_another_format_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.onnx is no whole ONNX file"):
        load_onnx(file)


@given(at=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
@settings(in_one_folder, max_examples=200)
def test_a_damaged_byte_is_refused_by_name_or_leaves_a_network(
    tmp_path: Path, at: float, byte: int
) -> None:
    """For any value of a byte the only errors are these, and they name the file."""
    content = bytearray(classifier(13, SHAPE).SerializeToString())
    content[int(at * len(content))] = byte
    file = tmp_path / "model.onnx"
    file.write_bytes(bytes(content))
    try:
        load_onnx(file)
    except ValueError as error:
        assert "model.onnx" in str(error)


def test_a_file_of_2_gib_is_refused_with_its_size(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    with open(file, "wb") as opened:
        opened.truncate(2**31)  # no byte of it is on the disk
    with pytest.raises(ValueError, match=r"model\.onnx has 2147483648 bytes.* in files beside it"):
        load_onnx(file)


def test_without_the_onnx_package_the_command_to_install_it_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.onnx").write_bytes(b"any")
    whole = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "onnx":
            raise ImportError("No module named 'onnx'")
        return whole(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=re.escape("pip install -e '.[onnx]'")):
        load_onnx(tmp_path / "model.onnx")


@pytest.mark.parametrize("opset", [1, 5, 26])
def test_another_opset_is_refused(opset: int, tmp_path: Path) -> None:
    proto = model([node("Relu", "x")], SHAPE, opset)
    refused(proto, tmp_path, f"it is written in opset {opset}; opsets 6 to 25 can be read")


def test_a_file_without_the_standards_opset_is_refused(tmp_path: Path) -> None:
    proto = model([node("Relu", "x")], SHAPE)
    proto.opset_import[0].domain = "elsewhere"
    refused(proto, tmp_path, "it is written in opset of no version")


def shorter(proto: Any) -> None:
    proto.graph.initializer[0].raw_data = proto.graph.initializer[0].raw_data[:-1]


def listed(proto: Any) -> None:
    proto.graph.initializer[0].ClearField("raw_data")
    proto.graph.initializer[0].float_data.extend([1.0, 2.0])


def negative(proto: Any) -> None:
    proto.graph.initializer[0].dims[0] = -4


def text(proto: Any) -> None:
    proto.graph.initializer[0].data_type = onnx.TensorProto.STRING


def twice(proto: Any) -> None:
    proto.graph.initializer.add().CopyFrom(proto.graph.initializer[0])


def sparse(proto: Any) -> None:
    proto.graph.sparse_initializer.add()


def second_input(proto: Any) -> None:
    proto.graph.input.add().CopyFrom(proto.graph.input[0])
    proto.graph.input[1].name = "z"
    proto.graph.node[1].CopyFrom(node("Add", "c z", "r"))


def no_input(proto: Any) -> None:
    del proto.graph.input[:]


def no_such_output(proto: Any) -> None:
    proto.graph.output[0].name = "nothing"


def circle(proto: Any) -> None:
    """The ReLU's input is a sum of its own output."""
    proto.graph.node[1].input[0] = "s"
    proto.graph.node.append(node("Add", "c r", "s", name="sum"))


def itself(proto: Any) -> None:
    proto.graph.node[1].input[0] = "r"


def unknown_value(proto: Any) -> None:
    proto.graph.node[1].input[0] = "nothing"


def made_twice(proto: Any) -> None:
    proto.graph.node[1].output[0] = "c"


def makes_a_weight(proto: Any) -> None:
    proto.graph.node[1].output[0] = "w"


def integers(proto: Any) -> None:
    proto.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT8


def pixels(proto: Any) -> None:
    """Of which no node makes floats."""
    proto.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8


def no_nodes(proto: Any) -> None:
    del proto.graph.node[:]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            shorter,
            r"initializer 'w' holds 431 bytes, but its shape \(4, 3, 3, 3\) of float32 needs 432",
        ),
        (listed, r"initializer 'w' holds 8 bytes, but its shape"),
        (negative, r"of node 'conv1' .* its input 'w' is of type FLOAT and shape \(-4, 3, 3, 3\)"),
        (text, "operator Conv of node 'conv1' .*: its input 'w' is of type STRING"),
        (twice, "two initializers are named 'w'"),
        (sparse, "it holds sparse initializers"),
        (second_input, r"it has 2 inputs \('x', 'z'\)"),
        (no_input, "it has 0 inputs; a network with one"),
        (no_such_output, "its output 'nothing' is made by no node"),
        (circle, "its nodes feed each other in a circle: .*'sum'"),
        (itself, "its nodes feed each other in a circle: 'r' -> 'r'"),
        (unknown_value, "operator Relu of node 'r' takes 'nothing', which nothing makes"),
        (made_twice, "operator Relu of node 'c' makes 'c', which is made already"),
        (makes_a_weight, "operator Relu of node 'w' makes 'w', which is made already"),
        (integers, "the input 'x' is of type INT8; an image is of floats or of uint8"),
        (pixels, "operator Conv of node 'conv1' .*: it computes with the image's whole numbers"),
        (no_nodes, "is no whole ONNX file: it has no graph"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    damage: Callable[[Any], None], message: str, tmp_path: Path
) -> None:
    proto = classifier(13, SHAPE)
    damage(proto)
    refused(proto, tmp_path, message)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            ["N", 3, "h", "w"],
            r"the input 'x' \(N, 3, h, w\) leaves its height and width open; give size",
        ),
        (["N", 3, None, 6], r"the input 'x' \(N, 3, \?, 6\) leaves its height open"),
        (["N", 3, 8, "w"], "leaves its width open"),
        (["N", "c", 8, 6], r"\(N, c, 8, 6\) leaves the number of channels open"),
        (["N", 3], r"the input 'x' has the shape \(N, 3\); only one of four axes"),
        (["N", 3, 8, 0], "would be an image of 3 x 8 x 0"),
        (["N", 3, -8, 6], "would be an image of 3 x -8 x 6"),
        (["N", 3, 2**20, 2**20], "would be an image of 3 x 1048576 x 1048576"),
    ],
)
def test_an_image_of_no_size_is_refused(shape: list[Any], message: str, tmp_path: Path) -> None:
    refused(classifier(13, shape), tmp_path, message)


@pytest.mark.parametrize("size", [8, (6, 8)])
def test_a_size_that_the_file_contradicts_is_refused(size: Any, tmp_path: Path) -> None:
    refused(classifier(13, SHAPE), tmp_path, "fixes the image's size, which size=", size=size)


@pytest.mark.parametrize("size", [0, (8,), "8", 8.0])
def test_a_size_that_is_none_is_refused(size: Any, tmp_path: Path) -> None:
    refused(classifier(13, ["N", 3, "h", "w"]), tmp_path, "size: ", size=size)


def test_a_refused_file_leaves_nothing_beside_it(tmp_path: Path) -> None:
    refused(model([node("Hardmax", "x")], SHAPE), tmp_path, "Hardmax")
    assert os.listdir(tmp_path) == ["model.onnx"]
