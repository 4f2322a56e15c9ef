"""Tests of weights in other files: only inside the model's folder, and of the right length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.minidl.onnx_graphs import classifier, onnx
from tests.minidl.onnx_running import loaded, refused

pytestmark = pytest.mark.quick

SHAPE = ["N", 3, 8, 6]


def external(folder: Path, location: str, **entries: str) -> Any:
    """`classifier` with the bytes of its filters in another file of 432 of them."""
    proto = classifier(13, SHAPE)
    tensor = proto.graph.initializer[0]
    assert len(tensor.raw_data) == 432
    if not (folder / "w.bin").exists():
        (folder / "w.bin").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in ({"location": location} | entries).items():
        tensor.external_data.add(key=key, value=value)
    return proto


@pytest.mark.parametrize(
    "location",
    [
        "",
        "/etc/passwd",
        "../w.bin",
        "a/../../w.bin",
        "C:\\w.bin",
        "..\\w.bin",
        "\\w.bin",
        "w\0.bin",
    ],
)
def test_weights_outside_of_the_folder_are_refused(location: str, tmp_path: Path) -> None:
    proto = external(tmp_path, location)
    refused(proto, tmp_path, "initializer 'w' is stored in the file .*inside the model's folder")


def test_weights_behind_a_link_that_leaves_the_folder_are_refused(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    proto = external(tmp_path, "link.bin")
    (inner / "link.bin").symlink_to(tmp_path / "w.bin")
    refused(proto, inner, "initializer 'w' is stored in the file 'link.bin', a link that leaves")


def test_weights_behind_a_link_inside_the_folder_are_read(tmp_path: Path) -> None:
    proto = external(tmp_path, "link.bin")
    (tmp_path / "link.bin").symlink_to(tmp_path / "w.bin")
    assert loaded(proto, tmp_path).state_dict()["conv1.weight"].shape == (4, 3, 3, 3)


@pytest.mark.parametrize("location", ["nothing.bin", "folder", "x" * 300, "circle"])
def test_weights_in_no_file_are_refused(location: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    proto = external(tmp_path, location)
    refused(
        proto, tmp_path, f"initializer 'w' is stored in the file '{location}', which is not in "
    )


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"length": "431"}, "takes 431 bytes from byte 0 on of w.bin, which has 432;.*needs 432"),
        ({"offset": "4"}, "takes 428 bytes from byte 4 on of w.bin"),
        (
            {"offset": "4", "length": "432"},
            "takes 432 bytes from byte 4 on of w.bin, which has 432",
        ),
        ({"offset": "500"}, "takes 0 bytes from byte 500 on"),
        ({"offset": "-4"}, "offset of its file must be a number of bytes, got '-4'"),
        ({"length": "all"}, "length of its file must be a number of bytes, got 'all'"),
    ],
)
def test_weights_of_another_length_than_the_shape_needs_are_refused(
    entries: dict[str, str], message: str, tmp_path: Path
) -> None:
    refused(external(tmp_path, "w.bin", **entries), tmp_path, message)
