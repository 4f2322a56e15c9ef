"""Picture encoding: PNG with a palette where possible, JPEG or WebP for photographs."""

import io

import numpy as np
from PIL import Image

LOSSLESS_BYTES = 16_384
JPEG_QUALITY = 90
PALETTE_SIZE = 256
TILE_QUALITY = 80
LOSSLESS_SIDE = 32
"""Tiles of at most this many pixels a side are stored without loss."""


def require_picture(image: np.ndarray) -> None:
    """Raise TypeError unless image is uint8, ValueError unless it is (H, W, 3) or (H, W)."""
    if image.dtype != np.uint8:
        raise TypeError(f"picture of dtype {image.dtype}: pictures are uint8, 0 to 255")
    if image.size == 0 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise ValueError(f"picture of shape {image.shape}: (H, W, 3) or (H, W), H and W at least 1")


def png(image: np.ndarray, scale: int = 1) -> bytes:
    """Encode an (H, W, 3) or (H, W) uint8 picture as PNG, each pixel as scale x scale pixels.

    A picture of at most 256 colours gets a palette: the same pixels in fewer bytes. Raises
    ValueError or TypeError for other shapes, dtypes, empty pictures and scales below 1.
    """
    buffer = io.BytesIO()
    _with_palette(enlarge(image, scale)).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def encode(image: np.ndarray) -> bytes:
    """Encode a uint8 picture as PNG or, where that is large and a JPEG is smaller, as JPEG.

    Large means over 16 KiB: photographs and projections, for which JPEG at quality 90 without
    chroma subsampling is not visible. Filters, flat colours and small patches stay lossless.
    """
    lossless = png(image)
    if len(lossless) <= LOSSLESS_BYTES:
        return lossless
    buffer = io.BytesIO()
    # No optimize: libjpeg would need memory for the whole file, and fails on noisy pictures.
    Image.fromarray(image).save(buffer, format="JPEG", quality=JPEG_QUALITY, subsampling=0)
    return min(lossless, buffer.getvalue(), key=len)


def encode_tile(image: np.ndarray, *, signed: bool = False) -> bytes:
    """Encode an (H, W, 3) uint8 picture that is shown small, in few bytes.

    Photographs become WebP. signed pictures, whose colours change from pixel to pixel, become JPEG
    without chroma subsampling, which WebP cannot do without. Small ones are WebP without loss.
    """
    require_picture(image)
    buffer, shown = io.BytesIO(), Image.fromarray(np.ascontiguousarray(image))
    if max(image.shape[:2]) <= LOSSLESS_SIDE:
        shown.save(buffer, format="WEBP", lossless=True, exact=True)
    elif signed:
        shown.save(buffer, format="JPEG", quality=TILE_QUALITY, subsampling=0)
    else:
        shown.save(buffer, format="WEBP", quality=TILE_QUALITY)
    return buffer.getvalue()


def enlarge(image: np.ndarray, scale: int) -> np.ndarray:
    """Repeat each pixel scale times in both directions: (H, W[, 3]) -> (H scale, W scale[, 3])."""
    require_picture(image)
    if scale < 1:
        raise ValueError(f"scale is {scale}: pictures are enlarged by a whole number from 1 on")
    return image.repeat(scale, axis=0).repeat(scale, axis=1)


def _with_palette(image: np.ndarray) -> Image.Image:
    if image.ndim == 2:
        return Image.fromarray(image)
    packed = image.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)  # HWC -> HW
    palette, index = np.unique(packed, return_inverse=True)
    if len(palette) > PALETTE_SIZE:
        return Image.fromarray(np.ascontiguousarray(image))
    picture = Image.fromarray(index.reshape(packed.shape).astype(np.uint8))
    picture.putpalette([int(c) >> shift & 255 for c in palette for shift in (16, 8, 0)])
    return picture
