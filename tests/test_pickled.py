"""PyTorch's files read without executing them."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.pickled import MAGIC, read_pth

torch: Any = pytest.importorskip("torch")


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
    )


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "older"])
@pytest.mark.parametrize("around", [None, "state_dict", "model"])
def test_what_torch_saved_is_read(zipped: bool, around: str | None, tmp_path: Path) -> None:
    saved = tensors()
    file = tmp_path / "weights.pth"
    what = saved if around is None else {around: saved, "epoch": 3}
    torch.save(what, file, _use_new_zipfile_serialization=zipped)
    found = read_pth(file)
    assert list(found) == list(saved)
    for name, tensor in saved.items():
        expected = tensor.detach().float() if tensor.is_floating_point() else tensor
        assert np.array_equal(found[name], expected.numpy()), name
    assert all(a.dtype in (np.float32, np.int64) for a in found.values())


def test_a_models_own_state_is_read(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    torch.save(model.state_dict(), tmp_path / "model.pth")
    found = read_pth(tmp_path / "model.pth")
    assert found.keys() == model.state_dict().keys()


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


def test_a_whole_model_is_refused_with_what_to_do(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pth")
    with pytest.raises(ValueError, match=r"torch\.nn\.modules\.linear\.Linear.*state_dict"):
        read_pth(tmp_path / "model.pth")


def archive(file: Path, pickled: bytes, storages: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("a/data.pkl", pickled)
        for key, data in storages.items():
            made.writestr(f"a/data/{key}", data)
    return file


def changed(file: Path, old: bytes, new: bytes) -> bytes:
    """The pickle of a file with some bytes exchanged."""
    with zipfile.ZipFile(file) as saved:
        (name,) = (n for n in saved.namelist() if n.endswith("data.pkl"))
        pickled = saved.read(name)
    assert pickled.count(old) == 1
    return pickled.replace(old, new)


def test_a_view_that_leaves_its_storage_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(7, 5)}, tmp_path / "w.pth")
    pickled = changed(tmp_path / "w.pth", b"K\x07K\x05\x86", b"K\x09K\x05\x86")
    with pytest.raises(ValueError, match=r"\(9, 5\).*does not lie in its storage of 35"):
        read_pth(archive(tmp_path / "out.pth", pickled, {"0": bytes(140)}))


def test_a_storage_of_another_size_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(7, 5)}, tmp_path / "w.pth")
    pickled = changed(tmp_path / "w.pth", b"K\x07K\x05\x86", b"K\x07K\x05\x86")
    with pytest.raises(ValueError, match="1000000 bytes, its 35 numbers need 140"):
        read_pth(archive(tmp_path / "out.pth", pickled, {"0": bytes(1_000_000)}))


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "older"])
def test_a_file_that_is_cut_off_is_refused(zipped: bool, share: float, tmp_path: Path) -> None:
    file = tmp_path / "cut.pth"
    torch.save(tensors(), file, _use_new_zipfile_serialization=zipped)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"cut\.pth cannot be read"):
        read_pth(file)


@pytest.mark.parametrize("what", [[1, 2], {"a": 3}, {}, 5, MAGIC])
def test_what_is_no_dictionary_of_tensors_is_refused(what: object, tmp_path: Path) -> None:
    file = io.BytesIO()
    pickle.dump(what, file)
    with pytest.raises(ValueError, match="cannot be read as a PyTorch state dictionary"):
        read_pth(archive(tmp_path / "other.pth", file.getvalue(), {}))
    (tmp_path / "plain.pth").write_bytes(file.getvalue())
    with pytest.raises(ValueError, match="cannot be read as a PyTorch state dictionary"):
        read_pth(tmp_path / "plain.pth")


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no file .*none\.pth"):
        read_pth(tmp_path / "none.pth")
