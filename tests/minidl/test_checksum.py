"""Checksums of weights: every damaged byte of a file is noticed, files from elsewhere are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from kernels.bounds import same_bits
from kernels.storage import checksum
from minidl import serialize

pytestmark = pytest.mark.quick


def written(folder: Path) -> Path:
    file = folder / "weights"
    arrays = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(2)}  # (6,) -> (2,3)
    serialize.save(file, arrays, {"epoch": "7", "name": 'minidl.checksum":"x'})
    return file


@pytest.mark.parametrize("flip", [0x01, 0x20, 0xFF])
def test_every_damaged_byte_is_noticed(tmp_path: Path, flip: int) -> None:
    file = written(tmp_path)
    whole = file.read_bytes()
    for at in range(len(whole)):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
        with pytest.raises(ValueError, match="not a whole safetensors file"):
            serialize.load(file)
    file.write_bytes(whole)
    assert serialize.load(file)[1] == {"epoch": "7", "name": 'minidl.checksum":"x'}


def test_a_byte_too_many_is_noticed(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        serialize.load(file)


def test_a_file_from_elsewhere_is_read_without_a_checksum(tmp_path: Path) -> None:
    array = np.arange(5, dtype=np.float32)
    save_file({"w": array}, tmp_path / "theirs", {"checksum": "crc32:00000000"})
    assert not checksum.verify(tmp_path / "theirs")
    arrays, text = serialize.load(tmp_path / "theirs")
    assert same_bits(arrays["w"], array)
    assert text == {"checksum": "crc32:00000000"}


def test_the_text_of_a_file_is_read_without_its_arrays(tmp_path: Path) -> None:
    file = written(tmp_path)
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert serialize.load_text(file)["epoch"] == "7"
    file.write_bytes(content[:20])
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        serialize.load_text(file)
    with pytest.raises(FileNotFoundError, match="no file"):
        serialize.load_text(tmp_path / "nothing")
