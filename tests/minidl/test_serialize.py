"""Tests of files of arrays: equal contents after reading, and the old file after an error."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernels.bounds import same_bits
from kernels.verify.arrays import GUISES, dtypes, normal, rngs, small
from minidl import serialize

pytestmark = pytest.mark.quick

shapes = st.lists(small(0, 4), max_size=4).map(tuple)
names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=8)


def saved(folder: Path) -> Path:
    file = folder / "model.safetensors"
    serialize.save(file, {"w": np.arange(1000.0), "b": np.ones(3, np.float32)}, {"epoch": "7"})
    return file


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # each overwrites the last
@given(shapes=st.dictionaries(names.filter(lambda n: n != "__metadata__"), shapes, max_size=4),
       text=st.dictionaries(names, names, max_size=3), rng=rngs, dtype=dtypes,
       guise=st.sampled_from([name for name in GUISES if name != "byte-swapped"]))  # fmt: skip
def test_arrays_of_any_memory_and_text_come_back_as_they_were(
    tmp_path: Path, shapes: dict[str, Any], text: dict[str, str], rng: Any, dtype: Any, guise: str
) -> None:
    arrays = {name: normal(shape, rng, dtype) for name, shape in shapes.items()}
    disguised = {name: GUISES[guise](array) for name, array in arrays.items()}
    serialize.save(tmp_path / "file", disguised, text)
    loaded, metadata = serialize.load(tmp_path / "file")
    assert metadata == text
    assert loaded.keys() == arrays.keys()
    assert all(same_bits(loaded[name], array) for name, array in arrays.items())


def test_byte_swapped_arrays_come_back_in_native_order(tmp_path: Path) -> None:
    array = np.arange(5.0)
    serialize.save(tmp_path / "file", {"w": array.astype(">f8")})
    assert same_bits(serialize.load(tmp_path / "file")[0]["w"], array)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_, np.int32])
def test_integers_come_back_too(tmp_path: Path, dtype: Any) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)  # (6,) -> (2,3)
    serialize.save(tmp_path / "file", {"n": array})
    assert same_bits(serialize.load(tmp_path / "file")[0]["n"], array)


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    serialize.save(tmp_path / "a" / "b" / "file", {"w": np.ones(2)})
    assert (tmp_path / "a" / "b" / "file").is_file()


def test_a_file_gets_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    file = saved(tmp_path)
    assert file.stat().st_mode == (tmp_path / "plain").stat().st_mode


def fail(*args: Any, **options: Any) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("where", ["write_bytes", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_whole_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    file = saved(tmp_path)
    before = file.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Path if where == "write_bytes" else os, where, fail)
        with pytest.raises(OSError, match="No space left on device"):
            serialize.save(file, {"w": np.zeros(1000)})
    assert file.read_bytes() == before
    assert os.listdir(tmp_path) == [file.name]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_while_writing_leaves_the_old_file_whole_and_nothing_beside_it(
    tmp_path: Path, error: type[BaseException]
) -> None:
    file = saved(tmp_path)
    before = file.read_bytes()
    with pytest.raises(error), serialize.replacing(file) as beside:
        beside.write_bytes(b"half")
        assert file.read_bytes() == before
        raise error
    assert file.read_bytes() == before
    assert os.listdir(tmp_path) == [file.name]


def test_arrays_that_cannot_be_written_leave_the_old_file_whole(tmp_path: Path) -> None:
    file = saved(tmp_path)
    before = file.read_bytes()
    with pytest.raises(Exception, match=r"."):
        serialize.save(file, {"w": np.array([object()])})
    assert file.read_bytes() == before
    assert os.listdir(tmp_path) == [file.name]


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_truncated_file_is_refused_by_its_name(tmp_path: Path, data: st.DataObject) -> None:
    file = saved(tmp_path)
    whole = file.read_bytes()
    file.write_bytes(whole[: data.draw(small(0, len(whole) - 1))])
    with pytest.raises(ValueError, match=r"model\.safetensors is not a whole safetensors file"):
        serialize.load(file)


@given(content=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "garbage").write_bytes(content)
    with pytest.raises(ValueError, match="garbage is not a whole safetensors file"):
        serialize.load(tmp_path / "garbage")


def test_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    np.save(tmp_path / "file.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        serialize.load(tmp_path / "file.npy")


@pytest.mark.parametrize("missing", ["nothing", "."])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, missing: str) -> None:
    with pytest.raises(FileNotFoundError, match="no file"):
        serialize.load(tmp_path / missing)


@pytest.mark.parametrize("name", ["caf\udce9", "n" * 255, "new\nline", "-rf", "\x1b[31m"])
def test_files_of_every_name_are_written_and_read(tmp_path: Path, name: str) -> None:
    serialize.save(tmp_path / name, {"w": np.arange(3.0)})
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert serialize.load(tmp_path / name)[0]["w"].tolist() == [0, 1, 2]
