"""Notebook's view of a network: projections and occlusion maps that show themselves.

These are the names of `from zfnet import ...`. Results are NumPy arrays, or objects with arrays
that a notebook displays as pictures (`_repr_png_`) and whose `picture()` is a PIL image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from minidl import Tensor, device, rules
from minidl.rules import Rules
from zfnet import deconvnet, network, pretrained
from zfnet.data.images import read_image
from zfnet.deconvnet import Projection, Unit
from zfnet.experiments.occlusion import measure
from zfnet.experiments.occlusion.measure import OcclusionMap, default_square
from zfnet.inspectable import InspectableGraph
from zfnet.network import Network
from zfnet.report.encoding import png
from zfnet.report.pictures import contrast_stretch, heatmap

Picture = str | Path | np.ndarray | Image.Image
SHOWN = 192
"""Pixels of the side of an occlusion map's picture."""


def load(path: str | Path | None = None) -> Network:
    """The network in a run's folder or in a file; without one the pretrained small ZFNet."""
    return pretrained.load() if path is None else network.load(path)


def prepare(own: Network, image: Picture) -> np.ndarray:
    """An image as the network's input (1,3,S,S): its centre, resized, without the mean.

    image: a file, a PIL image, or an array (H,W,3) uint8. ValueError for another array.
    """
    if isinstance(image, str | Path):
        pixels = read_image(image)
    elif isinstance(image, Image.Image):
        pixels = np.asarray(image.convert("RGB"))
    else:
        pixels = image
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 3:
        found = f"{getattr(pixels, 'dtype', type(pixels).__name__)} {np.shape(pixels)}"
        raise ValueError(f"prepare: takes a file, a PIL image or uint8 (H,W,3), got {found}")
    centre = own.preprocess.centre(own.preprocess.prepare(pixels))
    return centre.transpose(2, 0, 1)[None]  # (S,S,3) -> (1,3,S,S)


def strongest(activation: Tensor | np.ndarray, map: int | None = None) -> list[Unit]:
    """The unit of the largest activation (N,K,P,Q) or (N,K) in each image, or in one map of it."""
    array = activation.numpy() if isinstance(activation, Tensor) else activation
    return deconvnet.strongest(array, map)


@dataclass(frozen=True, eq=False)
class ShownProjection(Projection):
    """A projection that a notebook displays: the pixels of its receptive field."""

    def picture(self) -> Image.Image:
        """The receptive field's pixels about mid grey."""
        return Image.fromarray(contrast_stretch(self.crop()))

    def _repr_png_(self) -> bytes:
        return png(contrast_stretch(self.crop()))


@dataclass(frozen=True, eq=False)
class ShownOcclusion(OcclusionMap):
    """An occlusion map that a notebook displays: the class's probability by the square's place."""

    def picture(self, size: int = SHOWN) -> Image.Image:
        """Dark where the square lowers the probability."""
        return Image.fromarray(heatmap(self.probability, (size, size)))

    def _repr_png_(self) -> bytes:
        return png(heatmap(self.probability, (SHOWN, SHOWN)))


class Deconvnet(deconvnet.Deconvnet):
    """`zfnet.deconvnet.Deconvnet` of a network or a model, whose projections show themselves.

    Images are (N,3,S,S) or one (3,S,S), arrays or Tensors.
    """

    def __init__(self, model: Network | InspectableGraph, table: Rules = rules.deconvnet) -> None:
        graph = model.model if isinstance(model, Network) else model
        super().__init__(graph.eval(), table)

    def project(self, images: Any, *given: Any, **named: Any) -> list[ShownProjection]:  # type: ignore[override]
        """As `zfnet.deconvnet.Deconvnet.project`."""
        return [_shown(p) for p in super().project(_batch(images), *given, **named)]

    def project_each(self, images: Any, layer: str, units: Sequence[Unit]) -> list[ShownProjection]:  # type: ignore[override]
        """As `zfnet.deconvnet.Deconvnet.project_each`."""
        return [_shown(p) for p in super().project_each(_batch(images), layer, units)]


def occlusion_map(
    own: Network,
    image: Any,
    label: int | None = None,
    *,
    square: int | None = None,
    stride: int | None = None,
    **options: Any,
) -> ShownOcclusion:
    """Outputs as a grey square covers each place of a preprocessed image (1,3,S,S) or (3,S,S).

    label: the class whose probability is shown, the most probable by default. square, stride: in
    pixels; 32 and 8 of 224, and in proportion. Raises as
    `zfnet.experiments.occlusion.measure.occlusion_map`.
    """
    x = _batch(image)
    if len(x) != 1:
        raise ValueError(f"occlusion_map: takes one image, got {x.shape}")
    usual = default_square(x.shape[-1])
    best = int(own.probabilities(x)[0].argmax()) if label is None else label
    found = measure.occlusion_map(
        own, x[0], best, square=usual[0] if square is None else square,
        stride=usual[1] if stride is None else stride, **options,
    )  # fmt: skip
    return ShownOcclusion(**{f.name: getattr(found, f.name) for f in fields(found)})


def _shown(projection: Projection) -> ShownProjection:
    return ShownProjection(**{f.name: getattr(projection, f.name) for f in fields(projection)})


def _batch(images: Any) -> np.ndarray:
    """(N,3,S,S) of one image (3,S,S) or several."""
    array = images.numpy() if isinstance(images, Tensor) else images
    if not device.is_array(array) or array.ndim not in (3, 4):
        raise ValueError(f"images must be (N,3,S,S) or (3,S,S), got {np.shape(array)}")
    found: np.ndarray = array[None] if array.ndim == 3 else array  # (3,S,S) -> (1,3,S,S)
    return found
