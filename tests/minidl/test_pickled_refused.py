"""Tests of malformed PyTorch files, and of files that would exhaust memory: all are refused."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.formats import pickled
from minidl.formats.pickled import read_pth
from tests.minidl.pickles import (
    NOTHING,
    archive,
    entries,
    number,
    old_parameter,
    old_tensor,
    row,
    storage,
    stream,
    tensor,
    text,
)

pytestmark = pytest.mark.quick

ZEROS = {"0": bytes(4 * 35)}
PARTS = row(text("1"), number(1), number(2))
DAMAGED = {
    "too many rows": (tensor(shape=(9, 5)), r"\(9, 5\).*is not inside its storage of 35"),
    "too far": (tensor(offset=1), "from 1 on is not inside its storage of 35"),
    "too wide": (tensor(strides=(6, 1)), r"strides \(6, 1\).*is not inside"),
    "before": (tensor(offset=-1), "is not inside its storage"),
    "backwards": (tensor(strides=(5, -1), offset=34), "is not inside its storage"),
    "negative": (tensor(shape=(-7, -5)), "is not inside its storage"),
    "repeated": (tensor(shape=(10**11,), strides=(0,)), "is not inside its storage"),
    "axes": (tensor(shape=(7,)), "shorter|longer"),
    "no numbers": (tensor(storage(numel=-1)), "asks for .*which is no storage"),
    "unknown kind": (tensor(storage(kind="QUInt8Storage")), r"asks for torch\.QUInt8Storage"),
    "two kinds": (
        tensor() + pickle.POP + tensor(storage(kind="IntStorage")),
        "storage '0' is seen in two ways",
    ),
    "a part": (tensor(storage(part=PARTS)), "storage '0' is seen in two ways"),
    "not there": (tensor(storage("7")), "data/7|storage '0' is no tensor's"),
    "no storage": (tensor(number(1)), "a tensor without a storage|storage '0' is no tensor's"),
    "huge": (tensor(storage(numel=10**13)), "need 40000000000000 bytes, the file has"),
    "many": (pickle.POP.join(tensor(storage(i, 400)) for i in "123"), "need 4800 bytes, the"),
    "too little": (tensor(storage(numel=36)), "(storage '0'.* 36 numbers)|(35 numbers, not 36)"),
}  # fmt: skip


@pytest.mark.parametrize("older", [False, True], ids=["zip", "older"])
@pytest.mark.parametrize("name", DAMAGED)
def test_a_tensor_that_its_storage_cannot_give_is_refused(
    name: str, older: bool, tmp_path: Path
) -> None:
    lie, message = DAMAGED[name]
    file = (stream if older else archive)(tmp_path / "lie.pth", entries(w=lie), ZEROS)
    with pytest.raises(ValueError, match=rf"lie\.pth cannot be read as a PyTorch.*({message})"):
        read_pth(file)


def test_a_storage_of_another_size_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    file = archive(tmp_path / "w.pth", entries(w=tensor()), {"0": bytes(1_000_000)})
    with pytest.raises(ValueError, match="data/0 has 1000000 bytes, expected 140 at most"):
        read_pth(file)


def test_a_member_before_the_archives_beginning_is_refused(tmp_path: Path) -> None:
    """The end of the directory claims to begin further on, so that all offsets become negative."""
    file = archive(tmp_path / "w.pth", entries(w=tensor()), ZEROS)
    content = bytearray(file.read_bytes())
    offset = content.rindex(b"PK\x05\x06") + 16
    directory = int.from_bytes(content[offset : offset + 4], "little")
    content[offset : offset + 4] = (directory + 200).to_bytes(4, "little")
    file.write_bytes(bytes(content))
    with pytest.raises(ValueError, match=r"w\.pth cannot be read as a PyTorch state dictionary"):
        read_pth(file)


@pytest.mark.parametrize("member", ["data.pkl", "byteorder", "data/0"])
def test_nothing_that_is_compressed_is_unpacked(member: str, tmp_path: Path) -> None:
    plain = archive(tmp_path / "w.pth", entries(w=tensor()), ZEROS, byteorder=b"little")
    assert read_pth(plain)["w"].shape == (7, 5)
    bomb = tmp_path / "bomb.pth"
    with zipfile.ZipFile(plain) as read, zipfile.ZipFile(bomb, "w") as written:
        for name in read.namelist():
            small = zipfile.ZIP_DEFLATED if name == f"a/{member}" else zipfile.ZIP_STORED
            written.writestr(name, read.read(name), small)
    with pytest.raises(ValueError, match=f"{member} is compressed"):
        read_pth(bomb)


def test_arrays_that_would_fill_the_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same storage, again and again."""
    many = entries(**{f"w{i}": tensor() for i in range(20)})
    file = archive(tmp_path / "w.pth", many, ZEROS)
    monkeypatch.setattr(pickled, "MULTIPLE", 0)
    monkeypatch.setattr(pickled, "SMALL", 20 * 140)
    assert len(read_pth(file)) == 20
    monkeypatch.setattr(pickled, "SMALL", 20 * 140 - 1)
    with pytest.raises(ValueError, match=r"arrays need 2800 bytes, and it has \d+"):
        read_pth(file)


DOUBLED = {
    "by DUP": pickle.DUP + pickle.TUPLE2,
    "by the memo": pickle.BINPUT + b"\x01" + pickle.BINGET + b"\x01" + pickle.TUPLE2,
    "behind a mark": pickle.BINPUT + b"\x01" + pickle.POP + pickle.MARK
    + (pickle.BINGET + b"\x01") * 2 + pickle.TUPLE,
}  # fmt: skip
"""Instructions that replace the top t of the stack by (t, t)."""


@pytest.mark.parametrize("how", ["by DUP", "by the memo", "behind a mark"])
@pytest.mark.parametrize("depth", [40, 5000])
def test_tuples_whose_hash_would_take_hours_are_refused(
    tmp_path: Path, how: str, depth: int
) -> None:
    key = number(1) + DOUBLED[how] * depth
    found = pickle.MARK + key + number(1) + pickle.DICT
    with pytest.raises(ValueError, match="nests tuples so that one has more than 1000 elements"):
        read_pth(archive(tmp_path / "w.pth", found, {}))


def test_a_deeply_nested_tuple_is_refused(tmp_path: Path) -> None:
    """Its hash would overflow the stack of the process."""
    found = pickle.MARK + number(1) + pickle.TUPLE1 * 100_000 + number(1) + pickle.DICT
    with pytest.raises(ValueError, match="more than 1000 elements"):
        read_pth(archive(tmp_path / "w.pth", found, {}))


def test_a_tensor_of_more_axes_than_there_can_be_is_refused(tmp_path: Path) -> None:
    axes = (1,) * 65
    file = archive(tmp_path / "w.pth", entries(w=tensor(shape=axes, strides=axes)), ZEROS)
    with pytest.raises(ValueError, match="more than 64 axes"):
        read_pth(file)


def test_a_number_that_would_make_a_long_table_is_refused(tmp_path: Path) -> None:
    """Python's pickle takes 8 bytes for each number up to the largest."""
    put = pickle.EMPTY_DICT + pickle.LONG_BINPUT + b"\xff\xff\xff\x7f"
    with pytest.raises(ValueError, match="numbers one of its first 2 objects 2147483647"):
        read_pth(archive(tmp_path / "w.pth", put, {}))


def test_an_object_that_is_endless_when_written_out_is_refused_at_once(tmp_path: Path) -> None:
    """Forty pairs of the pair before: 2^40 brackets."""
    pairs = [NOTHING + pickle.BINPUT + b"\x00"]
    for i in range(40):
        again = pickle.BINGET + bytes([i])
        pairs.append(row(again, again) + pickle.BINPUT + bytes([i + 1]))
    with pytest.raises(ValueError, match="more than 1000 elements"):
        read_pth(archive(tmp_path / "w.pth", b"".join(pairs) + pickle.BINPERSID, {}))


@given(st.data(), st.booleans())
@settings(max_examples=5 * settings().max_examples)
def test_a_damaged_pickle_gives_arrays_or_one_kind_of_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, older: bool
) -> None:
    whole = bytearray(entries(w=tensor(), old=old_parameter(old_tensor(storage(), (5,), (1,)))))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.getbasetemp() / "damaged.pth"
    (stream if older else archive)(file, bytes(whole), ZEROS)
    try:
        found = read_pth(file)
    except ValueError as error:
        assert "damaged.pth cannot be read as a PyTorch state dictionary: " in str(error)
    else:
        assert all(isinstance(a, np.ndarray) for a in found.values())


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    numbered = pickle.EMPTY_DICT + number(1) + tensor() + pickle.SETITEM
    with pytest.raises(ValueError, match=r"entries \[1\] are no tensors by name"):
        read_pth(archive(tmp_path / "w.pth", numbered, ZEROS))


def test_numbers_of_other_machines_are_refused(tmp_path: Path) -> None:
    file = archive(tmp_path / "w.pth", entries(w=tensor()), ZEROS, byteorder=b"big")
    with pytest.raises(ValueError, match=r"b'big' order, only little-endian"):
        read_pth(file)


@pytest.mark.parametrize("names", [[], ["a/data.pkl", "b/data.pkl"]])
def test_a_zip_of_other_things_is_refused(names: list[str], tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.pth", "w") as made:
        for name in ["x.txt", *names]:
            made.writestr(name, b"")
    with pytest.raises(ValueError, match=f"has one data.pkl, this one has {len(names)}"):
        read_pth(tmp_path / "w.pth")
