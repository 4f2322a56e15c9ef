"""Decoding of picture files, and refusal of damaged ones."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zfnet.data import BadImage, read_image
from zfnet.data.images import SUFFIXES

pytestmark = pytest.mark.quick

RNG = np.random.default_rng(5)
NOISE = RNG.integers(0, 256, (40, 30, 3), dtype=np.uint8)


def save(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def encoded(format: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(NOISE).save(stream, format)
    return stream.getvalue()


def test_a_colour_image_reads_back_exactly(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_image(save(tmp_path / "a.png", NOISE)), NOISE)


def test_a_grey_image_gets_three_equal_channels(tmp_path: Path) -> None:
    grey = NOISE[..., 0]
    read = read_image(save(tmp_path / "a.png", grey))
    np.testing.assert_array_equal(read, np.stack([grey] * 3, axis=-1))


@pytest.mark.parametrize("suffix", ["png", "pgm", "tif"])
def test_sixteen_bit_grey_keeps_its_upper_byte(tmp_path: Path, suffix: str) -> None:
    deep = RNG.integers(0, 65536, (6, 7)).astype(np.uint16)
    read = read_image(save(tmp_path / f"a.{suffix}", deep))
    np.testing.assert_array_equal(read[..., 1], deep // 256)


def test_cmyk_is_converted_to_rgb(tmp_path: Path) -> None:
    inks = np.zeros((1, 2, 4), np.uint8)
    inks[0, 1] = (0, 255, 255, 0)
    Image.fromarray(inks, mode="CMYK").save(tmp_path / "a.tif")
    assert read_image(tmp_path / "a.tif").tolist() == [[[255, 255, 255], [255, 0, 0]]]


def clear_rgba() -> Image.Image:
    return Image.new("RGBA", (2, 2), (200, 10, 10, 0))


def clear_grey() -> Image.Image:
    return Image.new("LA", (2, 2), (255, 0))


def clear_palette() -> Image.Image:
    image = Image.new("P", (2, 2), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.info["transparency"] = 0
    return image


@pytest.mark.parametrize("make", [clear_rgba, clear_grey, clear_palette])
def test_transparent_pixels_show_mid_grey(tmp_path: Path, make: Callable[[], Image.Image]) -> None:
    make().save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), np.full((2, 2, 3), 128))


def test_half_transparent_white_is_between_white_and_mid_grey(tmp_path: Path) -> None:
    Image.new("RGBA", (1, 1), (255, 255, 255, 51)).save(tmp_path / "a.png")
    # A fifth of the way from 128 to 255, rounded to 8 bits.
    expected = 128 + (255 - 128) / 5
    assert np.abs(read_image(tmp_path / "a.png") - expected).max() <= 1


def test_an_opaque_palette_is_looked_up(tmp_path: Path) -> None:
    image = Image.new("P", (1, 1), 1)
    image.putpalette([255, 0, 0, 10, 20, 30])
    image.save(tmp_path / "a.gif")
    assert read_image(tmp_path / "a.gif").tolist() == [[[10, 20, 30]]]


# EXIF 2.3, tag 0x0112: where the stored first row and first column are in the upright picture.
UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: stored[::-1].swapaxes(0, 1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: stored[:, ::-1].swapaxes(0, 1),
}


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("orientation", sorted(UPRIGHT))
def test_images_are_rotated_upright_by_their_exif_tag(
    tmp_path: Path, orientation: int, suffix: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(NOISE).save(path, exif=exif)
    np.testing.assert_array_equal(read_image(path), UPRIGHT[orientation](NOISE))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "PPM", "WEBP"])
def test_a_truncated_image_is_refused_by_name(tmp_path: Path, format: str) -> None:
    data = encoded(format)
    path = tmp_path / "half.jpg"
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(BadImage, match=r"half\.jpg: \w+"):
        read_image(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"empty \(0 bytes\)"),
        (b"hello, this is text", "no picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture"),
        (None, "No such file"),
    ],
)
def test_files_that_are_not_pictures_are_refused_with_the_reason(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "odd.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadImage, match=rf"odd\.jpg.*{reason}"):
        read_image(path)


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("width", "height"), [(10_000, 10_001), (100_000, 100_000)])
def test_a_header_that_claims_a_huge_image_is_refused(
    tmp_path: Path, width: int, height: int
) -> None:
    idat = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    (tmp_path / "bomb.png").write_bytes(png_header(width, height) + idat)
    with pytest.raises(BadImage, match="pixels"):
        read_image(tmp_path / "bomb.png")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "PPM", "WEBP"])
def test_damaged_bytes_give_an_image_or_bad_image(tmp_path: Path, format: str) -> None:
    data = np.frombuffer(encoded(format), np.uint8)
    rng = np.random.default_rng(11)
    path = tmp_path / "damaged"
    for _ in range(60):
        damaged = data.copy()
        # Headers, where the structure is, are hit as often as the rest.
        where = rng.integers(0, [64, 64, len(data), len(data)])
        damaged[where] = rng.integers(0, 256, 4)
        path.write_bytes(damaged.tobytes())
        try:
            image = read_image(path)
        except BadImage:
            continue
        assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3


def wide_png(width: int) -> bytes:
    """One line of `width` black pixels of three times 8 bits, compressed a thousandfold."""
    pack = zlib.compressobj(9)
    line = pack.compress(b"\0") + b"".join(
        pack.compress(bytes(3_000_000)) for _ in range(width // 1_000_000)
    )
    body = b"IDAT" + line + pack.flush()
    idat = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png_header(width, 1) + idat


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_an_image_that_cannot_be_decoded_for_want_of_memory_is_a_bad_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow raises MemoryError for the first by itself: a line of it has more than 2^31 bits."""
    (tmp_path / "wide.png").write_bytes(wide_png(100_000_000))
    with pytest.raises(BadImage, match=r"wide\.png: its 100000000 x 1 pixels need more memory"):
        read_image(tmp_path / "wide.png")

    def load(self: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", load)
    with pytest.raises(BadImage, match="its 30 x 40 pixels need more memory"):
        read_image(save(tmp_path / "a.png", NOISE))


def test_every_suffix_that_pillow_knows_for_the_formats_of_photographs_is_read() -> None:
    formats = {"JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"}
    known = {s for s, format in Image.registered_extensions().items() if format in formats}
    assert known <= SUFFIXES
