"""Transparency of PNG files of every depth, by the standard (third edition, 11.3.1.1)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.zfnet.png_files import (
    GREY,
    GREY_ALPHA,
    PALETTE,
    RGB,
    RGB_ALPHA,
    png,
    samples,
)
from zfnet.data import read_image

pytestmark = pytest.mark.quick

CLEAR = [128, 128, 128]
COLOURS = bytes([1, 2, 3, 4, 5, 6, 7, 8, 9])


def grey(value: int) -> list[int]:
    return [value] * 3


CASES = {
    "16-bit grey": (
        png(2, 16, GREY, samples(0x1234, 0x1235), [(b"tRNS", samples(0x1234))]),
        [CLEAR, grey(0x12)],
    ),
    "8-bit grey": (png(2, 8, GREY, bytes([7, 8]), [(b"tRNS", samples(7))]), [CLEAR, grey(8)]),
    "4-bit grey": (png(2, 4, GREY, b"\x37", [(b"tRNS", samples(3))]), [CLEAR, grey(7 * 17)]),
    "2-bit grey": (
        png(4, 2, GREY, bytes([0b00011011]), [(b"tRNS", samples(2))]),
        [grey(0), grey(85), CLEAR, grey(255)],
    ),
    "1-bit grey": (
        png(2, 1, GREY, bytes([0b01000000]), [(b"tRNS", samples(1))]),
        [grey(0), CLEAR],
    ),
    "a key with more bits than a sample has": (
        png(2, 4, GREY, b"\x37", [(b"tRNS", samples(0xF3))]),
        [CLEAR, grey(7 * 17)],
    ),
    "16-bit colours": (
        png(
            3,
            16,
            RGB,
            samples(0x1234, 0, 5, 0x1234, 0, 6, 0x1200, 0, 5),
            [(b"tRNS", samples(0x1234, 0, 5))],
        ),
        [CLEAR, [0x12, 0, 0], [0x12, 0, 0]],
    ),
    "8-bit colours": (
        png(2, 8, RGB, bytes([7, 8, 9, 7, 8, 10]), [(b"tRNS", samples(7, 8, 9))]),
        [CLEAR, [7, 8, 10]],
    ),
    "8-bit palette": (
        png(3, 8, PALETTE, bytes([0, 1, 2]), [(b"PLTE", COLOURS), (b"tRNS", bytes([255, 0]))]),
        [[1, 2, 3], CLEAR, [7, 8, 9]],
    ),
    "2-bit palette": (
        png(3, 2, PALETTE, bytes([0b00011000]), [(b"PLTE", COLOURS), (b"tRNS", bytes([0, 0]))]),
        [CLEAR, CLEAR, [7, 8, 9]],
    ),
    "16-bit grey with alpha": (
        png(2, 16, GREY_ALPHA, samples(0xFFFF, 0, 0xABCD, 0xFFFF)),
        [CLEAR, grey(0xAB)],
    ),
    "16-bit colours with alpha": (
        png(2, 16, RGB_ALPHA, samples(9, 9, 9, 0, 0x0A00, 0x0B00, 0x0C00, 0xFFFF)),
        [CLEAR, [10, 11, 12]],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_transparent_pixels_of_every_depth_show_mid_grey(tmp_path: Path, case: str) -> None:
    data, expected = CASES[case]
    (tmp_path / "a.png").write_bytes(data)
    assert read_image(tmp_path / "a.png").tolist() == [expected]


def test_an_image_with_a_colour_key_is_rotated_upright_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    row = samples(0x1234, 0x4567)
    chunks = [(b"tRNS", samples(0x1234)), (b"eXIf", exif.tobytes()[6:])]
    (tmp_path / "a.png").write_bytes(png(2, 16, GREY, row, chunks))
    assert read_image(tmp_path / "a.png").tolist() == [[grey(0x45), CLEAR]]


def test_transparent_images_are_composited_tile_by_tile_to_the_same_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (11, 13, 4), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    whole = read_image(tmp_path / "a.png")
    monkeypatch.setattr("zfnet.data.images.TILE", (4, 5))
    assert np.array_equal(read_image(tmp_path / "a.png"), whole)
