"""Import of networks from ONNX, PyTorch and safetensors files."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from minidl import nn, serialize
from minidl.formats.onnx import load_onnx
from minidl.formats.onnx.reading import read_image, read_shape
from minidl.formats.pickled import read_pth
from minidl.formats.torchvision import from_state_dict
from minidl.nn.folding import fold as folded
from minidl.sharing import converted
from zfnet.data import Preprocess, default_resize
from zfnet.front import Input, front, with_front
from zfnet.imported import Imported
from zfnet.network import FORMAT, Network

Kind = Literal["onnx", "pth", "safetensors"]
SUFFIXES: dict[str, Kind] = {".pth": "pth", ".pt": "pth", ".safetensors": "safetensors"}


@dataclass(frozen=True)
class InputFormat:
    """The form in which a network takes images.

    size, resize: sides of the crop, and of the square that it is cut from.
    plane:        (H,W) of the network's input where it is not square: the crop is scaled to it.
    fit:          "centre" or "warp" (`zfnet.data.Preprocess`).
    bgr:          whether the network takes blue, green and red.
    mean, std:    of red, green and blue in 0..255; the input is (pixel - mean) / std.
    """

    size: int = 224
    resize: int = 256
    fit: str = "centre"
    bgr: bool = False
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    plane: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        finite = all(map(math.isfinite, (*self.mean, *self.std)))
        if len(self.mean) != 3 or len(self.std) != 3 or not finite or min(self.std) <= 0:
            raise ValueError(
                f"mean {self.mean} and std {self.std} must be three numbers each, of red, green "
                "and blue in 0..255, the std above 0"
            )
        if 0 < max(self.mean) <= 1 or max(self.std) < 1:
            raise ValueError(
                f"mean {self.mean} and std {self.std} are of pixels from 0 to 1, it seems; here "
                "pixels are 0..255: multiply both by 255"
            )

    def preprocess(self) -> Preprocess:
        return Preprocess.with_one_mean(self.size, self.resize, self.mean, self.fit)

    def pixels(self) -> nn.Pixels | None:
        """The layer that converts channels and scale, if one is needed."""
        order = (2, 1, 0) if self.bgr else (0, 1, 2)
        scale = [1 / self.std[channel] for channel in order]
        plain = not self.bgr and all(s == 1 for s in scale)
        return None if plain else nn.Pixels(order, scale)


PRESETS = {
    # Jia et al. 2014, "Caffe": the mean of ImageNet's training images, one value per channel.
    "caffe": InputFormat(fit="warp", bgr=True, mean=(122.68, 116.67, 104.01)),
    # BVLC GoogLeNet's own deploy.prototxt and transformer: 104, 117, 123 for blue, green, red.
    "googlenet": InputFormat(fit="warp", bgr=True, mean=(123.0, 117.0, 104.0)),
    # torchvision's and the ONNX model zoo's: 0.485, 0.456, 0.406 and 0.229, 0.224, 0.225 of 255.
    "torchvision": InputFormat(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)),
}
"""Input formats by name."""


def import_network(
    file: Path,
    form: InputFormat,
    classes: Sequence[str] | None = None,
    *,
    fold: bool = False,
    output: str | None = None,
) -> Network:
    """The network in an ONNX file, or torchvision's AlexNet or VGG; nothing in it is executed.

    classes: as many names as it gives scores; None: class 0, class 1, ...
    fold:    multiply batch normalisations into the convolutions before them.
    output:  the name of the output, of a file with several; None: the first.
    FileNotFoundError without the file; ValueError for a file, an operator or a number of names
    that does not fit.
    """
    preprocess = form.preprocess()
    graph, taken = _graph(file, form, fold, output)
    model = Imported(with_front(graph, front(taken, form.pixels())), form.size)
    named = tuple(classes) if classes else tuple(f"class {i}" for i in range(model.num_classes))
    if len(named) != model.num_classes:
        raise ValueError(
            f"{len(named)} names of classes for a network that gives {model.num_classes} scores"
        )
    return Network(model, preprocess, named)


def kind_of(file: Path) -> Kind:
    """The kind of a file by its first bytes, else by its suffix.

    A zip archive or a pickle is PyTorch's; safetensors begin with the length of a header and "{".
    FileNotFoundError without the file.
    """
    if not file.is_file():
        raise FileNotFoundError(f"no file {file}")
    with open(file, "rb") as opened:
        start = opened.read(9)
    if start.startswith((b"PK\x03\x04", b"\x80")):
        return "pth"
    if start[8:] == b"{" and int.from_bytes(start[:8], "little") < file.stat().st_size:
        return "safetensors"
    return SUFFIXES.get(file.suffix.lower(), "onnx")


def own_size(file: Path) -> tuple[int, int] | None:
    """(H,W) of the images that an ONNX file fixes; None where it fixes none.

    None too for a damaged file: `import_network` reports the damage.
    """
    if kind_of(file) != "onnx":
        return None
    try:
        _, height, width = read_shape(file)
    except (ImportError, ValueError):
        return None
    return height, width


def read_classes(file: Path) -> list[str]:
    """One class a line; a WordNet id in front ("n01440764 tench, ...") is dropped."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{file} is no text in UTF-8: it should have one class a line") from None
    lines = [line.strip() for line in text.splitlines()]
    return [re.sub(r"^n\d{8}\s+", "", line) for line in lines if line]


def input_format(preset: str | None, mean: Sequence[float] | None, **others: Any) -> InputFormat:
    """The preset with the given changes; ValueError without both a preset and a mean.

    Without a `resize`, a `size` that does not fit the preset's square gets one in the paper's
    ratio, 256 to 224. For an input that is not square, all of the image is scaled to it, unless
    others are given.
    """
    if preset is not None and preset not in PRESETS:
        raise ValueError(f"no preset {preset!r}; there are {', '.join(PRESETS)}")
    if preset is None and mean is None:
        raise ValueError(
            "an ONNX file does not say what its network was trained on: give --preset "
            f"({', '.join(PRESETS)}), or --mean (and --std, --channels, --fit, --resize)"
        )
    base = PRESETS[preset] if preset else InputFormat()
    given = {key: value for key, value in others.items() if value is not None}
    if "plane" in given:
        given = {"fit": "warp", "resize": given["size"]} | given
    if mean is not None:
        given["mean"] = tuple(mean)
    if not base.size <= given.get("size", base.size) <= base.resize:
        given.setdefault("resize", default_resize(given["size"]))
    return replace(base, **given)


def _graph(file: Path, form: InputFormat, fold: bool, output: str | None) -> tuple[nn.Graph, Input]:
    """The file's own layers, and the images that they take."""
    if kind_of(file) != "onnx":
        graph = _torchvision(file)
        graph = folded(graph) if fold else graph
        graph.eval()
        return graph, Input(3, form.size, form.size)
    plane = form.plane or (form.size, form.size)
    try:
        image = read_image(file, plane, output)
        taken = Input(*image.planes, image.channels_last)
        return load_onnx(file, size=plane, fold=fold, output=output), taken
    except ImportError as error:  # (the package onnx is not installed, and the message says so)
        raise ValueError(str(error)) from None


def _torchvision(file: Path) -> nn.Graph:
    weights = {n: a for n, a in _weights(file).items() if not n.endswith("num_batches_tracked")}
    try:
        return from_state_dict(weights)
    except ValueError as error:
        raise ValueError(f"{file} cannot be imported: {error}") from None


def _weights(file: Path) -> dict[str, np.ndarray]:
    """Arrays by name; half and double precision become float32."""
    if kind_of(file) == "pth":
        return read_pth(file)
    arrays, metadata = serialize.load(file)
    if metadata.get("format") == FORMAT:
        raise ValueError(f"{file} is a network of zfnet already: zfnet show {file}")
    wide = (np.float16, np.float64)
    return converted(arrays, lambda a: a.astype(np.float32) if a.dtype in wide else a)
