"""`zfnet import` of unsupported files: status 2, one message, nothing written."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

from kernels.storage import atomic
from tests.zfnet.test_cli import refused, zfnet
from tests.zfnet.test_import_command import SIDE, onnx, small
from tests.zfnet.tiny import network as tiny_network
from zfnet import network as networks
from zfnet.network import FILE

GIVEN = ["--preset", "torchvision", "--size", SIDE]


def changed(path: Path, change: Any) -> Path:
    """The small network's file after a change to its graph."""
    proto = onnx.load(small(path))
    change(proto.graph)
    path.write_bytes(proto.SerializeToString())
    return path


def moved_out(location: str) -> Any:
    """A change: the filters are stored in another file."""

    def change(graph: Any) -> None:
        tensor = graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    return change


def cut(graph: Any) -> None:
    graph.initializer[0].raw_data = graph.initializer[0].raw_data[:-8]


def circle(graph: Any) -> None:
    graph.node[0].input[0] = "c"


def grey(graph: Any) -> None:
    graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1


def transparent(graph: Any) -> None:
    graph.input[0].type.tensor_type.shape.dim[1].dim_value = 4


DAMAGED = {
    "missing weights": (moved_out("none.bin"), "none.bin"),
    "weights outside": (moved_out("../w.bin"), "inside the model's folder"),
    "absolute weights": (moved_out("/etc/passwd"), "inside the model's folder"),
    "wrong size": (cut, "initializer 'w'"),
    "circle": (circle, "circle"),
    "filters of colours": (grey, f"(1, 1, {SIDE}, {SIDE})"),
    "transparency": (transparent, "images of 4 channels; grey ones (1) and colour ones (3)"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_graph_is_one_message_and_leaves_nothing(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change, message = DAMAGED[damage]
    file = changed(tmp_path / "net.onnx", change)
    told = refused(
        monkeypatch, capsys, "import", file, "--out", tmp_path / "run", "--preset", "torchvision"
    )
    assert message in told
    assert sorted(tmp_path.iterdir()) == [file]


def test_a_file_of_2_gb_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = small(tmp_path / "net.onnx")
    with open(file, "r+b") as opened:
        opened.truncate(2**31)  # (takes no room on the disk)
    told = refused(monkeypatch, capsys, "import", file, "--out", tmp_path / "run", *GIVEN)
    assert f"has {2**31} bytes" in told and not (tmp_path / "run").exists()


class Told:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_program_in_a_pickle_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, proof = tmp_path / "net.pth", tmp_path / "proof"
    file.write_bytes(pickle.dumps(Told(proof), protocol=2))
    told = refused(monkeypatch, capsys, "import", file, "--out", tmp_path / "run")
    assert "nothing was executed" in told
    assert sorted(tmp_path.iterdir()) == [file]
    pickle.loads(file.read_bytes())
    assert proof.exists(), "it would have been run"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--preset", "torchvision", "--size", "0"], "--size takes a side"),
        (["--preset", "torchvision", "--size", "20"], "contradicts"),
        (["--preset", "torchvision", "--resize", "8"], "at most resize = 8"),
        (["--mean", "nan,1,1"], "must be three numbers each"),
        (["--mean", "120,120,120", "--std", "1,nan,1"], "must be three numbers each"),
        (["--mean", "120,120,120", "--std", "inf,1,1"], "must be three numbers each"),
        (["--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"], "multiply both by 255"),
        (["--mean", "0,0,0", "--std", "0.5,0.5,0.5"], "multiply both by 255"),
        (["--std", "58,57,57"], "give --preset"),
        (["--preset", "torchvision", "--fit", "crop"], "crop"),
        (["--preset", "torchvision", "--channels", "bgra"], "bgra"),
        (["--preset", "torchvision", "--classes", "none.txt"], "none.txt"),
    ],
)
def test_options_that_do_not_fit_are_one_message_and_leave_nothing(
    options: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = small(tmp_path / "net.onnx")
    told = refused(monkeypatch, capsys, "import", file, "--out", tmp_path / "run", *options)
    assert message in told
    assert sorted(tmp_path.iterdir()) == [file]


def test_a_full_disk_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device", str(path))

    file = small(tmp_path / "net.onnx")
    monkeypatch.setattr(atomic, "_sync", full)
    told = refused(monkeypatch, capsys, "import", file, "--out", tmp_path / "run", *GIVEN)
    assert "No space left on device" in told
    assert sorted(tmp_path.iterdir()) == [file]


def test_a_failed_import_keeps_the_run_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, run = small(tmp_path / "net.onnx"), tmp_path / "run"
    assert zfnet(monkeypatch, "import", file, "--out", run, *GIVEN) == 0
    before = (run / FILE).read_bytes()
    changed(file, cut)
    refused(monkeypatch, capsys, "import", file, "--out", run, "--force", *GIVEN)
    assert [path.name for path in run.iterdir()] == [FILE]
    assert (run / FILE).read_bytes() == before


def test_force_overwrites_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, run = small(tmp_path / "net.onnx"), tmp_path / "run"
    for options in (["--fit", "centre"], ["--fit", "warp", "--force"]):
        assert zfnet(monkeypatch, "import", file, "--out", run, *GIVEN, *options) == 0
    assert networks.load(run).preprocess.fit == "warp"


def test_a_run_is_not_written_over_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = small(tmp_path / "net.onnx")
    (tmp_path / "notes").write_text("mine")
    told = refused(monkeypatch, capsys, "import", file, "--out", tmp_path / "notes", *GIVEN)
    assert "takes the name of a folder" in told
    assert (tmp_path / "notes").read_text() == "mine"


def test_a_missing_package_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = small(tmp_path / "net.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    told = refused(monkeypatch, capsys, "import", file, "--out", tmp_path / "run", *GIVEN)
    assert "pip install -e '.[onnx]'" in told and not (tmp_path / "run").exists()


def test_a_network_of_ours_needs_no_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_network().save(tmp_path / "own.safetensors")
    file = tmp_path / "own.safetensors"
    told = refused(monkeypatch, capsys, "import", file, "--out", tmp_path / "run")
    assert f"zfnet show {file}" in told
