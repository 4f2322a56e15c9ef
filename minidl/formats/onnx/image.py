"""Shape of an ONNX network's input image, with symbolic sizes from the caller."""

from __future__ import annotations

from typing import Any

from kernels.contract.arguments import Pair, pair
from minidl.formats.onnx.model import Image
from minidl.formats.onnx.tensors import FLOATS, type_name

PIXELS = 2
"""TensorProto.DataType of uint8."""
_LIMIT = 2**31
_CHANNELS = (1, 3, 4)
"""Grey, colours, colours and transparency: the numbers of channels by which they are recognised."""


def image_of(image: Any, size: Pair | None) -> Image:
    """A graph's input, a ValueInfoProto; the batch is free even if the file fixes it.

    The channels are the last axis if only that one has as many as an image, 1, 3 or 4.
    size: (H, W), or one number for both, where they are symbolic in the file.
    ValueError if it is not an image of floats or uint8, has a symbolic size that `size` does not
    give, or a fixed size other than `size`.
    """
    what, tensor = f"the input {image.name!r}", image.type.tensor_type
    if not image.type.HasField("tensor_type") or tensor.elem_type not in (*FLOATS, PIXELS):
        raise ValueError(
            f"{what} is of type {type_name(tensor.elem_type)}; an image is of floats or of uint8"
        )
    sizes = [_size(axis) for axis in tensor.shape.dim]
    if len(sizes) != 4:
        raise ValueError(
            f"{what} has the shape {_shown(sizes)}; only one of four axes (N, C, H, W) is an image"
        )
    last = sizes[3] in _CHANNELS and sizes[1] not in _CHANNELS
    channels, *plane = (sizes[3], *sizes[1:3]) if last else sizes[1:]
    if isinstance(channels, str):
        raise ValueError(f"{what} {_shown(sizes)} leaves the number of channels open")
    height, width = _plane(plane, size, f"{what} {_shown(sizes)}")
    if min(channels, height, width) < 1 or 4 * channels * height * width >= _LIMIT:
        raise ValueError(f"{what} would be an image of {channels} x {height} x {width}")
    shape = (height, width, channels) if last else (channels, height, width)
    batch = sizes[0]
    images = None if isinstance(batch, str) else max(batch, 1)
    return Image(image.name, shape, last, images, tensor.elem_type == PIXELS)


def _plane(sizes: list[int | str], size: Pair | None, what: str) -> tuple[int, int]:
    """(H, W): the file's, or the caller's where the file's are symbolic."""
    given = (None, None) if size is None else pair(size, "size")
    if size is None and any(isinstance(each, str) for each in sizes):
        left = [
            name
            for name, each in zip(("height", "width"), sizes, strict=True)
            if isinstance(each, str)
        ]
        raise ValueError(f"{what} leaves its {' and '.join(left)} open; give size=(H, W)")
    fixed = tuple(
        g if isinstance(each, str) else each for each, g in zip(sizes, given, strict=True)
    )
    if size is not None and fixed != given:
        raise ValueError(f"{what} fixes the image's size, which size={given} contradicts")
    height, width = fixed
    assert height is not None
    assert width is not None
    return height, width


def _size(axis: Any) -> int | str:
    """The size of an axis: a number, or the name of a symbolic size; -1 is one too, as some
    exporters write it."""
    if axis.HasField("dim_value") and axis.dim_value != -1:
        return int(axis.dim_value)
    return str(axis.dim_param) or "?"


def _shown(sizes: list[int | str]) -> str:
    return f"({', '.join(map(str, sizes))})"
