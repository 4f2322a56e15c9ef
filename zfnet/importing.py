"""A file from elsewhere becomes a network with its preprocessing and its classes' names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from minidl import nn, serialize
from minidl.nn.folding import fold as folded
from minidl.onnx import load_onnx
from minidl.pickled import read_pth
from minidl.torchvision import from_state_dict
from zfnet.data import Preprocess
from zfnet.imported import Imported
from zfnet.network import Network

PIXELS = "pixels"
"""The layer in front that brings channels into the network's order and scale."""


@dataclass(frozen=True)
class Recipe:
    """What becomes of an image before the network sees it.

    size, resize: of the crop, and of the square that it is cut from.
    fit:          "centre" or "warp" (`zfnet.data.Preprocess`).
    bgr:          whether the network takes blue, green and red.
    mean, std:    of red, green and blue in 0..255: (pixel - mean) / std goes in.
    """

    size: int = 224
    resize: int = 256
    fit: str = "centre"
    bgr: bool = False
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError(
                f"mean {self.mean} and std {self.std} must be three numbers each, of red, green "
                "and blue in 0..255, the std above 0"
            )

    def preprocess(self) -> Preprocess:
        return Preprocess.with_one_mean(self.size, self.resize, self.mean, self.fit)

    def pixels(self) -> nn.Pixels | None:
        """The layer that the network needs in front, if any."""
        order = (2, 1, 0) if self.bgr else (0, 1, 2)
        scale = [1 / self.std[channel] for channel in order]
        plain = not self.bgr and all(s == 1 for s in scale)
        return None if plain else nn.Pixels(order, scale)


PRESETS = {
    # Jia et al. 2014, "Caffe": the mean of ImageNet's training images, one value a channel.
    "caffe": Recipe(fit="warp", bgr=True, mean=(122.68, 116.67, 104.01)),
    # BVLC GoogLeNet's own deploy.prototxt and transformer: 104, 117, 123 for blue, green, red.
    "googlenet": Recipe(fit="warp", bgr=True, mean=(123.0, 117.0, 104.0)),
    # torchvision's and the ONNX model zoo's: 0.485, 0.456, 0.406 and 0.229, 0.224, 0.225 of 255.
    "torchvision": Recipe(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)),
}
"""Recipes by name."""


def import_network(
    file: Path, recipe: Recipe, classes: Sequence[str] | None = None, *, fold: bool = False
) -> Network:
    """The network in an ONNX file, or torchvision's AlexNet or VGG; nothing in it is executed.

    classes: as many names as it gives scores; None: class 0, class 1, ...
    fold:    multiply batch normalisations into the convolutions before them.
    ValueError for a file, an operator or a number of names that does not fit.
    """
    graph = _graph(file, recipe.size, fold)
    model = Imported(_with_pixels(graph, recipe.pixels()), recipe.size)
    named = tuple(classes) if classes else tuple(f"class {i}" for i in range(model.num_classes))
    if len(named) != model.num_classes:
        raise ValueError(
            f"{len(named)} names of classes for a network that gives {model.num_classes} scores"
        )
    return Network(model, recipe.preprocess(), named)


def _graph(file: Path, size: int, fold: bool) -> nn.Graph:
    if not by_torchvision(file):
        return load_onnx(file, size=size, fold=fold)
    arrays = serialize.load(file)[0] if file.suffix == ".safetensors" else read_pth(file)
    weights = {n: a for n, a in arrays.items() if not n.endswith("num_batches_tracked")}
    try:
        graph: nn.Graph = from_state_dict(weights)
    except ValueError as error:
        raise ValueError(f"{file} cannot be imported: {error}") from None
    return folded(graph) if fold else graph


def by_torchvision(file: Path) -> bool:
    """Whether a file of this name holds weights under PyTorch's names, and no graph."""
    return file.suffix in (".pth", ".pt", ".safetensors")


def read_classes(file: Path) -> list[str]:
    """One name a line; what stands after a WordNet id ("n01440764 tench, ..."), if there is one."""
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    return [re.sub(r"^n\d{8}\s+", "", line) for line in lines if line]


def chosen(preset: str | None, mean: Sequence[float] | None, **others: object) -> Recipe:
    """The preset with what is given besides; ValueError without a preset and a mean."""
    if preset is not None and preset not in PRESETS:
        raise ValueError(f"no preset {preset!r}; there are {', '.join(PRESETS)}")
    if preset is None and mean is None:
        raise ValueError(
            "an ONNX file does not say what its network was trained on: give --preset "
            f"({', '.join(PRESETS)}), or --mean (and --std, --channels, --fit, --resize)"
        )
    given = {key: value for key, value in others.items() if value is not None}
    if mean is not None:
        given["mean"] = tuple(mean)
    return replace(PRESETS[preset] if preset else Recipe(), **given)  # type: ignore[arg-type]


def _with_pixels(graph: nn.Graph, pixels: nn.Pixels | None) -> nn.Graph:
    """The graph with `pixels` in front of all that it is given."""
    if pixels is None:
        return graph
    layers, wiring = dict(graph.children()), graph.wiring()
    if PIXELS in layers:
        raise ValueError(f"the network has a layer {PIXELS!r} of its own")
    behind = {
        name: [PIXELS if source == nn.INPUT else source for source in sources]
        for name, sources in wiring.items()
    }
    return nn.Graph({PIXELS: pixels, **layers}, {PIXELS: [nn.INPUT], **behind}, graph.output)
