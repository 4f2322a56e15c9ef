"""Recognition by `zfnet import`: kinds of files, fixed sizes, precisions, names."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import Tensor, no_grad, serialize
from tests.zfnet.test_cli import zfnet
from tests.zfnet.test_import_command import SIDE, small
from tests.zfnet.test_import_refused import changed
from zfnet import network as networks
from zfnet.front import PIXELS
from zfnet.importing import import_network, input_format, kind_of, own_size, read_classes

RNG = np.random.default_rng(0)


def test_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "names").write_bytes("größe".encode("latin-1"))
    with pytest.raises(ValueError, match="names is no text in UTF-8"):
        read_classes(tmp_path / "names")


@pytest.mark.parametrize(
    ("start", "name", "kind"),
    [
        (b"PK\x03\x04 and so on", "net.onnx", "pth"),
        (pickle.dumps({}, protocol=2), "net", "pth"),
        ((4).to_bytes(8, "little") + b"{ } ", "net.bin", "safetensors"),
        ((2**40).to_bytes(8, "little") + b"{", "net.bin", "onnx"),
        (b"\x08\x08\x12\x07pytorch", "net", "onnx"),
        (b"", "net.PTH", "pth"),
        (b"text", "net.safetensors", "safetensors"),
        (b"", "net", "onnx"),
    ],
)
def test_a_file_is_known_by_its_first_bytes_and_else_by_its_name(
    start: bytes, name: str, kind: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(start)
    assert kind_of(tmp_path / name) == kind


def test_the_size_that_a_file_fixes_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, run = small(tmp_path / "net.onnx"), tmp_path / "run"
    assert zfnet(monkeypatch, "import", file, "--out", run, "--preset", "torchvision") == 0
    preprocess = networks.load(run).preprocess
    # 16 of the paper's 224, so 256 * 16 / 224 for its 256.
    assert (preprocess.image_size, preprocess.resize) == (16, 18)


def test_a_file_that_leaves_its_size_open_fixes_none(tmp_path: Path) -> None:
    assert own_size(small(tmp_path / "net.onnx", image=("H", "W"))) is None
    assert own_size(small(tmp_path / "net.onnx", image=(SIDE, SIDE))) == (SIDE, SIDE)


@pytest.mark.parametrize(
    ("size", "resize", "square"),
    [(None, None, 256), (227, None, 256), (256, None, 256), (299, None, 342), (64, None, 73),
     (64, 64, 64)],
)  # fmt: skip
def test_the_square_fits_the_size_that_is_cut_from_it(
    size: int | None, resize: int | None, square: int
) -> None:
    form = input_format("caffe", None, size=size, resize=resize)
    assert (form.size, form.resize) == (size or 224, square)


def narrow_alexnet(dtype: type) -> dict[str, np.ndarray]:
    """torchvision's names with few channels."""
    shapes = {
        "features.0": (2, 3, 11, 11), "features.3": (2, 2, 5, 5), "features.6": (2, 2, 3, 3),
        "features.8": (2, 2, 3, 3), "features.10": (2, 2, 3, 3), "classifier.1": (4, 72),
        "classifier.4": (4, 4), "classifier.6": (3, 4),
    }  # fmt: skip
    weights = {f"{n}.weight": RNG.standard_normal(s).astype(dtype) for n, s in shapes.items()}
    return weights | {f"{n}.bias": np.zeros(s[0], dtype) for n, s in shapes.items()}


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_weights_of_any_precision_become_float32(dtype: type, tmp_path: Path) -> None:
    arrays = narrow_alexnet(dtype)
    serialize.save(tmp_path / "weights", arrays)
    model = import_network(tmp_path / "weights", input_format("torchvision", None)).model
    assert PIXELS in model.layer_names() and model.num_classes == 3
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, arrays[name].astype(np.float32))
        assert array.dtype == np.float32


def narrow_vgg() -> dict[str, np.ndarray]:
    """torchvision's names of a convolution with batch normalisation and a pool."""
    shapes = {"features.0": (2, 3, 3, 3), "features.1": (2,), "classifier.0": (4, 2 * 112 * 112),
              "classifier.3": (4, 4), "classifier.6": (3, 4)}  # fmt: skip
    weights = {f"{n}.weight": RNG.standard_normal(s, np.float32) for n, s in shapes.items()}
    biases = {f"{n}.bias": RNG.standard_normal(s[0], np.float32) for n, s in shapes.items()}
    statistics = {f"features.1.running_{what}": np.ones(2, np.float32) for what in ("mean", "var")}
    count = {"features.1.num_batches_tracked": np.array(7)}
    return weights | biases | statistics | count


def test_normalisation_is_folded_on_request(tmp_path: Path) -> None:
    serialize.save(tmp_path / "weights", narrow_vgg())
    form = input_format("torchvision", None)
    whole, folded = (import_network(tmp_path / "weights", form, fold=f) for f in (False, True))
    assert set(whole.model.layer_names()) - set(folded.model.layer_names()) == {"features.1"}
    x = RNG.uniform(-100, 100, (1, 3, 224, 224)).astype(np.float32)
    with no_grad():
        ours, true = (network.model(Tensor(x)).data for network in (folded, whole))
    # The same sums, the scale multiplied in before: some hundred roundings of 1e-7.
    assert not np.abs(ours - true).max() > 1e-5 * np.abs(true).max()


def test_a_layer_in_the_file_may_have_the_name_of_ours(tmp_path: Path) -> None:
    def rename(graph: Any) -> None:
        graph.node[0].name = PIXELS

    file, mean = changed(tmp_path / "net.onnx", rename), (120, 110, 100)
    plain, turned = (
        import_network(file, input_format(None, mean, size=SIDE, bgr=b)) for b in (0, 1)
    )
    assert turned.model.layer_names()[:2] == [f"{PIXELS}_", PIXELS]
    x = RNG.uniform(-100, 100, (2, 3, SIDE, SIDE)).astype(np.float32)
    expected = plain.probabilities(np.ascontiguousarray(x[:, ::-1]))
    np.testing.assert_array_equal(turned.probabilities(x), expected)
