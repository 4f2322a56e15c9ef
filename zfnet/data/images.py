"""Decoding of picture files to (H, W, 3) uint8 RGB arrays; unreadable files raise BadImage."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from zfnet.data.colour_keys import keyed_depth, without_key

# Decoders of plain raster pictures only: others (EPS, PDF, WMF) start programs or draw documents.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".gif", ".tif", ".tiff",
     ".ppm", ".pgm", ".pbm", ".pnm"}
)  # fmt: skip
"""Of files in those formats, in lower case."""

# A small file can claim any size; this bound keeps one image under about 1.5 GB while it is read.
MAX_PIXELS = 100_000_000
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # for this bound

TILE = 1024, 4096
"""Rows and columns that are composited at once."""

# The colour behind transparent pixels. Mid grey is close to the mean of photographs, and both black
# and white drawings stay visible on it.
BACKGROUND = (128, 128, 128, 255)


class BadImage(ValueError):
    """An image file that cannot be read.

    Attributes:
        path: the file.
        reason: the fault, without the file's name.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"cannot read the image {path}: {reason}")
        self.path = str(path)
        self.reason = reason


def read_image(path: str | Path) -> np.ndarray:
    """Read the picture at `path` as (H, W, 3) uint8 RGB, rotated upright as its EXIF says.

    Grey images get three equal channels, 16-bit grey keeps its upper 8 bits, transparent pixels
    are composited over mid grey (128), also those of a PNG file's colour key, CMYK and
    palettes are converted, the first of several frames is taken. The whole file is decoded, so that
    truncation is found.

    Raises:
        BadImage: missing, empty, truncated or damaged file, no picture of the formats in FORMATS,
            more than MAX_PIXELS pixels, or more than there is memory for.
    """
    try:
        _refuse_empty(path)
        with Image.open(path, formats=FORMATS) as image:
            _refuse_huge(path, image)
            return _decoded(path, image)
    except BadImage:
        raise
    except UnidentifiedImageError:
        known = ", ".join(FORMATS)
        raise BadImage(path, f"no picture, or its header is damaged (known: {known})") from None
    except OSError as error:
        raise BadImage(path, error.strerror or str(error)) from error
    except Exception as error:  # decoders raise any exception for damaged bytes
        raise BadImage(path, f"{type(error).__name__}: {error}") from error


def _decoded(path: str | Path, image: Image.Image) -> np.ndarray:
    """(H,W,3) uint8 of an opened file."""
    depth, (width, height) = keyed_depth(image), image.size
    try:
        image.load()
        loaded = image if depth is None else without_key(path, image, depth)
        return np.array(_rgb(ImageOps.exif_transpose(loaded)), dtype=np.uint8)
    except MemoryError:  # (Pillow raises it too for a line of 2 GiB of bits)
        raise BadImage(
            path, f"its {width} x {height} pixels need more memory than can be had to decode them"
        ) from None


def _refuse_empty(path: str | Path) -> None:
    if Path(path).stat().st_size == 0:
        raise BadImage(path, "the file is empty (0 bytes)")


def _refuse_huge(path: str | Path, image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise BadImage(
            path,
            f"{width} x {height} = {width * height:,} pixels, more than the {MAX_PIXELS:,} allowed",
        )


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ValueError("floating-point pixels have no known white; convert to 8 or 16 bits")
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _upper_bits(image)
    if image.has_transparency_data:
        return _over_grey(image)
    return image.convert("RGB")


def _over_grey(image: Image.Image) -> Image.Image:
    """Tile by tile, so that there are no further copies of a large image."""
    shown = Image.new("RGB", image.size)
    for top in range(0, image.height, TILE[0]):
        for left in range(0, image.width, TILE[1]):
            right, bottom = min(left + TILE[1], image.width), min(top + TILE[0], image.height)
            layer = image.crop((left, top, right, bottom)).convert("RGBA")
            backdrop = Image.new("RGBA", layer.size, BACKGROUND)
            shown.paste(Image.alpha_composite(backdrop, layer).convert("RGB"), (left, top))
    return shown


def _upper_bits(image: Image.Image) -> Image.Image:
    """Of 16-bit grey the upper 8 bits: Pillow's own conversion clips at 255, white everywhere."""
    # Pillow opens 16-bit PGM as 32-bit "I"; larger values are white.
    grey = np.clip(np.asarray(image), 0, 65535) >> 8
    return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
