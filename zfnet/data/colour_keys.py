"""Colour keys of PNG files: the one grey or colour that a tRNS chunk makes transparent.

PNG (third edition, 11.3.1.1) compares a pixel's samples with the key at the file's own depth, of 1
to 16 bits. Pillow scales samples of 2 and 4 bits to 8, keeps the upper 8 bits of 16-bit colours,
and leaves the key as the file has it; so the comparison is done here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

DEPTHS = {"L;2": 2, "L;4": 4, "L": 8, "RGB": 8, "I;16B": 16, "RGB;16B": 16}
"""Bits of a sample, by Pillow's name for how the file stores grey or colours."""


def keyed_depth(image: Image.Image) -> int | None:
    """Bits of a sample of a PNG file with a colour key; None for every other image.

    To be asked before the pixels are loaded.
    """
    if not isinstance(image, PngImagePlugin.PngImageFile) or "transparency" not in image.info:
        return None
    return DEPTHS.get(str(image.tile[0].args)) if image.tile else None


def without_key(path: str | Path, image: Image.Image, depth: int) -> Image.Image:
    """The loaded image as RGBA, in which the pixels of the key's colour are transparent."""
    opaque = image.copy()
    key = np.array(opaque.info.pop("transparency")) & ((1 << depth) - 1)  # () or (3,)
    alpha = np.where(_equal(path, image, key, depth), 0, 255).astype(np.uint8)
    layer = _eight_bits(opaque).convert("RGBA")
    layer.putalpha(Image.fromarray(alpha))
    layer.info = opaque.info  # with the orientation
    return layer


def _equal(path: str | Path, image: Image.Image, key: np.ndarray, depth: int) -> np.ndarray:
    """(H,W) bool: whether a pixel has the key's colour."""
    if image.mode == "RGB" and depth == 16:
        lower = np.asarray(_lower_bytes(path))
        return ((np.asarray(image) == key >> 8) & (lower == key & 255)).all(axis=-1)
    if image.mode == "RGB":
        return np.asarray((np.asarray(image) == key).all(axis=-1))
    scale = {2: 85, 4: 17}.get(depth, 1)  # 3 and 15 are white, 255
    return np.asarray(np.asarray(image) == key * scale)


def _lower_bytes(path: str | Path) -> Image.Image:
    """The lower bytes of 16-bit colours: decoded as if the file had them in the other order."""
    with Image.open(path, formats=("PNG",)) as image:
        image.tile = [tile._replace(args="RGB;16L") for tile in image.tile]
        image.load()
        return image.copy()


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode != "I;16":
        return image
    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
