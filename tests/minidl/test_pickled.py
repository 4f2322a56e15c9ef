"""Tests of the reader of PyTorch's files, which executes nothing in them."""

from __future__ import annotations

import io
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.formats.pickle_names import NAMES
from minidl.formats.pickled import MAGIC, read_pth
from tests.minidl.pickles import (
    START,
    archive,
    entries,
    named,
    number,
    old_parameter,
    old_tensor,
    row,
    storage,
    stream,
    tensor,
    with_state,
)

pytestmark = pytest.mark.quick

torch: Any = pytest.importorskip("torch")
ZEROS = {"0": bytes(4 * 35)}


def tensors() -> OrderedDict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(6, 5, generator=generator)
    return OrderedDict(
        whole=base,
        turned=base.t(),
        part=base[1:4, ::2],
        scalar=torch.tensor(3.5),
        parameter=torch.nn.Parameter(base[0].clone()),
        half=base.half(),
        bfloat=base.bfloat16(),
        double=base.double(),
        counted=torch.arange(4),
        empty=torch.zeros(0, 3),
        true=base > 0,
    )


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "older"])
@pytest.mark.parametrize("around", [None, "state_dict", "model"])
def test_what_torch_saved_is_read(zipped: bool, around: str | None, tmp_path: Path) -> None:
    saved = tensors()
    file = tmp_path / "weights.pth"
    what = saved if around is None else {around: saved, "epoch": 3, "arch": "vgg", "best": 0.5}
    torch.save(what, file, _use_new_zipfile_serialization=zipped)
    found = read_pth(file)
    assert list(found) == list(saved)
    for name, value in saved.items():
        expected = value.detach().float() if value.is_floating_point() else value
        assert np.array_equal(found[name], expected.numpy()), name
        assert found[name].dtype == expected.numpy().dtype and found[name].flags.writeable


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "older"])
def test_a_models_own_state_is_read(zipped: bool, tmp_path: Path) -> None:
    """The dictionary's state is `_metadata`."""
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    file = tmp_path / "model.pth"
    torch.save(model.state_dict(), file, _use_new_zipfile_serialization=zipped)
    found = read_pth(file)
    assert found.keys() == model.state_dict().keys()
    assert type(found) is dict and not hasattr(found, "_metadata")


def test_a_file_of_pytorch_before_0_4_is_read_as_pytorch_reads_it(tmp_path: Path) -> None:
    """Tensors without hooks, parameters whose tensor is in their state: torchvision's VGGs."""
    values = np.arange(35, dtype="<f4")
    weight, bias = old_tensor(storage(), (5, 7), (1, 5)), old_tensor(storage(), (4,), (1,))
    old = entries(weight=old_parameter(weight), bias=bias)
    file = stream(tmp_path / "old.pth", old, {"0": values.tobytes()})
    theirs, ours = torch.load(file, weights_only=True), read_pth(file)
    assert list(ours) == list(theirs) == ["weight", "bias"]
    assert all(np.array_equal(ours[name], theirs[name].detach().numpy()) for name in ours)


class Evil:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.file),)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "older"])
def test_nothing_in_a_file_is_executed(zipped: bool, tmp_path: Path) -> None:
    made, file = tmp_path / "made", tmp_path / "evil.pth"
    torch.save({"weight": Evil(made)}, file, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r"asks for posix\.mkdir.*nothing was executed"):
        read_pth(file)
    assert not made.exists()
    pickle.loads(pickle.dumps(Evil(made)))  # (what would have happened)
    assert made.exists()


@pytest.mark.parametrize("at", range(4), ids=["magic", "protocol", "machine", "keys"])
def test_nothing_in_the_other_pickles_of_the_older_format_is_executed(
    at: int, tmp_path: Path
) -> None:
    made, file = tmp_path / "made", tmp_path / "evil.pth"
    parts = [pickle.dumps(part, 2) for part in (MAGIC, 1001, {1: 2}, [3])]
    parts[at] = pickle.dumps(Evil(made), 2)
    file.write_bytes(b"".join([*parts[:3], START + entries() + pickle.STOP, parts[3]]))
    with pytest.raises(ValueError, match=r"asks for posix\.mkdir"):
        read_pth(file)
    assert not made.exists()


@pytest.mark.parametrize(
    "name",
    ["os system", "builtins eval", "torch load", "collections OrderedDict.fromkeys",
     "minidl.formats.pickle_names Storage", "torch FloatStorage.__init__",
     "numpy.core.multiarray _reconstruct"],
)  # fmt: skip
def test_a_name_that_no_tensor_needs_is_refused(name: str, tmp_path: Path) -> None:
    asked = pickle.SHORT_BINUNICODE.join(
        [b"", *(bytes([len(n)]) + n.encode() for n in name.split())]
    )
    file = archive(tmp_path / "evil.pth", asked + pickle.STACK_GLOBAL, {})
    with pytest.raises(ValueError, match=f"asks for {name.replace(' ', '.')}, "):
        read_pth(file)


@pytest.mark.parametrize(
    "what",
    [*(named(*name) for name in sorted(NAMES)), storage(), tensor()],
    ids=[*(name for _, name in sorted(NAMES)), "a storage", "a tensor"],
)
def test_no_state_is_set_but_of_dictionaries_and_parameters(what: bytes, tmp_path: Path) -> None:
    """A function's defaults, say, which would stay for the next file."""
    slots = row(pickle.NONE, entries(call=number(1), kind=number(1), name=number(1)))
    file = archive(tmp_path / "evil.pth", with_state(what, slots), ZEROS)
    with pytest.raises(ValueError, match=r"sets the state of what has none|positional argument"):
        read_pth(file)
    found = read_pth(archive(file, entries(w=tensor()), ZEROS))
    assert np.array_equal(found["w"], np.zeros((7, 5)))


def test_a_whole_model_is_refused_with_what_to_do(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pth")
    with pytest.raises(ValueError, match=r"torch\.nn\.modules\.linear\.Linear.*state_dict"):
        read_pth(tmp_path / "model.pth")


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "older"])
def test_a_file_that_is_cut_off_is_refused(zipped: bool, share: float, tmp_path: Path) -> None:
    file = tmp_path / "cut.pth"
    torch.save(tensors(), file, _use_new_zipfile_serialization=zipped)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"cut\.pth cannot be read"):
        read_pth(file)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ([1, 2], "holds a list, not a dictionary"),
        ({"a": 3}, r"entries \['a'\] are no tensors"),
        ({}, "it is empty"),
        ({"state_dict": {}}, "it is empty"),
        (5, "holds a int"),
        (MAGIC, "holds a int"),
        ({"model": {"a": 3}, "state_dict": {"a": 3}}, "under state_dict and model: save one alone"),
    ],
)
def test_what_is_no_dictionary_of_tensors_is_refused(
    what: object, message: str, tmp_path: Path
) -> None:
    file = io.BytesIO()
    pickle.dump(what, file, 2)
    with pytest.raises(ValueError, match=f"PyTorch state dictionary: .*{message}"):
        read_pth(archive(tmp_path / "other.pth", file.getvalue()[2:-1], {}))
    (tmp_path / "plain.pth").write_bytes(file.getvalue())
    with pytest.raises(ValueError, match="cannot be read as a PyTorch state dictionary"):
        read_pth(tmp_path / "plain.pth")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no file .*none\.pth"):
        read_pth(tmp_path / "none.pth")
