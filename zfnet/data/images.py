"""Decoding of picture files to (H, W, 3) uint8 RGB arrays; unreadable files raise BadImage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

# Decoders of plain raster pictures only: others (EPS, PDF, WMF) start programs or draw documents.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
SUFFIXES |= {".ppm", ".pgm", ".pbm", ".pnm"}

# A small file can claim any size; this bound keeps one image under about 400 MB while it is read.
MAX_PIXELS = 100_000_000

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
    are composited over mid grey (128), CMYK and palettes are converted, the first of several
    frames is taken. The whole file is decoded, so that truncation is found.

    Raises:
        BadImage: missing, empty, truncated or damaged file, no picture of the formats in FORMATS,
            or more than MAX_PIXELS pixels.
    """
    try:
        _refuse_empty(path)
        with Image.open(path, formats=FORMATS) as image:
            _refuse_huge(path, image)
            image.load()
            return np.array(_rgb(ImageOps.exif_transpose(image)), dtype=np.uint8)
    except (BadImage, MemoryError):
        raise
    except UnidentifiedImageError:
        known = ", ".join(FORMATS)
        raise BadImage(path, f"no picture, or its header is damaged (known: {known})") from None
    except OSError as error:
        raise BadImage(path, error.strerror or str(error)) from error
    except Exception as error:  # decoders raise any exception for damaged bytes
        raise BadImage(path, f"{type(error).__name__}: {error}") from error


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
        layer = image.convert("RGBA")
        backdrop = Image.new("RGBA", layer.size, BACKGROUND)
        return Image.alpha_composite(backdrop, layer).convert("RGB")
    return image.convert("RGB")


def _upper_bits(image: Image.Image) -> Image.Image:
    """Of 16-bit grey the upper 8 bits: Pillow's own conversion clips at 255, white everywhere."""
    # Pillow opens 16-bit PGM as 32-bit "I"; larger values are white.
    grey = np.clip(np.asarray(image), 0, 65535) >> 8
    return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
