"""Deconvnet: projection of one activation to the pixels of the image.

Zeiler, Fergus 2013, section 2.1. The forward pass records the tape, with the switches of every
pool. All activations of a layer but one are set to zero. The backward pass goes down to the image
by the rules of `minidl.rules.deconvnet`: unpool with the switches, rectify, filter with the flipped
kernels. Other tables of rules give other pictures: `guided`, and `gradient`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kernels.contract.geometry import Box
from minidl import Tensor, device, nn, rules
from minidl.rules import Rules
from zfnet import receptive_fields
from zfnet.inspectable import InspectableGraph


@dataclass(frozen=True)
class Unit:
    """One unit of a layer: its map and its position (p, q); 0, 0 in fully connected layers, and
    (token, 0) among tokens, whose features are the maps (`zfnet/layouts.py`)."""

    map: int
    p: int = 0
    q: int = 0


@dataclass(frozen=True, eq=False)
class Projection:
    """The projection of one unit in one image.

    image:  index of the image in the batch.
    unit:   the unit, `value` its activation.
    box:    the unit's receptive field, clipped to the image; through gates that the rules hold
            constant, that of the signal alone.
    part:   (3, h, w), the projection within the box `kept` of an image of `size` x `size` pixels;
            it is zero outside. `kept` is `box`, except with the `gradient` rules through contrast
            normalisation, where every pixel depends on the whole image.

    Values are in the units of the preprocessed image (its pixels' 0..255 minus the mean).
    """

    image: int
    layer: str
    unit: Unit
    value: float
    box: Box
    part: np.ndarray
    kept: Box
    size: int

    @property
    def pixels(self) -> np.ndarray:
        """The projection over the whole image, (3, S, S)."""
        whole = np.zeros((3, self.size, self.size), self.part.dtype)
        whole[(slice(None), *_within(self.kept))] = self.part
        return whole

    def crop(self) -> np.ndarray:
        """The pixels of the receptive field, (3, h, w)."""
        if self.kept == self.box:
            return self.part
        return self.pixels[(slice(None), *_within(self.box))]


class Deconvnet:
    """Projections of a network's units by the rules of `table`."""

    def __init__(self, model: InspectableGraph, table: Rules = rules.deconvnet) -> None:
        self.model = model
        # Over a whole image the projection is exactly zero outside the receptive field only with
        # kernels that sum the products of the definition. A patch of the field needs no such.
        self.table, self._field_table = rules.by_definition(table), table

    def project(
        self,
        images: np.ndarray,
        layer: str,
        *,
        map: int | None = None,
        units: Sequence[Unit] | None = None,
    ) -> list[Projection]:
        """Units of `layer` projected to pixels, for each of the images (N,3,S,S).

        layer: any layer by its name: conv1 to conv5 (before ReLU and pooling), relu1, pool1, norm1
               ..., fc6, fc7, or fc8, the class scores ("scores" for short).
        map:   the strongest unit of this map (of a fully connected layer: this unit) in each image.
        units: these units, each of them in each image. Without `map` and `units`: the strongest
               unit of the whole layer in each image.

        Returns the projections image by image. Only the unit's own activation is projected, as in
        the paper; an activation of zero projects to zero. ValueError for images of another size, no
        images, or a layer, map or unit that does not exist.
        """
        x, activation = self._forward(images, layer)
        layer = self._name(layer)
        planes = self.model.layout(layer).planar(activation.data)
        chosen = _chosen(planes, layer, map, units)  # one list of units an image
        by_unit = [
            self._project_whole(x, activation, layer, each) for each in zip(*chosen, strict=True)
        ]
        return [found for image in zip(*by_unit, strict=True) for found in image]

    def project_each(
        self, images: np.ndarray, layer: str, units: Sequence[Unit]
    ) -> list[Projection]:
        """Unit n in image n: images (N,3,S,S), N units -> N projections by one backward pass.

        Where receptive fields are smaller than the image, only they are computed, in both passes.
        """
        if len(units) != len(images):
            raise ValueError(f"project_each: {len(images)} images and {len(units)} units")
        if self._has_smaller_fields(layer):
            return self._project_fields(images, layer, units)
        x, activation = self._forward(images, layer)
        layer = self._name(layer)
        for unit in units:
            _check_unit(unit, self.model.unit_planes(layer), layer)
        return self._project_whole(x, activation, layer, units)

    def _has_smaller_fields(self, layer: str) -> bool:
        """Whether receptive fields are smaller than the image, with rules under which their pixels
        do not depend on others (the gradient's through contrast normalisation do)."""
        normalised = any(isinstance(m, nn.LocalContrastNorm) for _, m in self.model.children())
        name = "local_contrast_norm"
        tied = normalised and self.table[name] is not rules.deconvnet[name]
        return not tied and receptive_fields.smaller_than_image(self.model, layer)

    def _project_fields(
        self, images: np.ndarray, layer: str, units: Sequence[Unit]
    ) -> list[Projection]:
        """Both passes on the units' receptive fields alone."""
        self._check_images(images)
        for unit in units:
            _check_unit(unit, self.model.unit_planes(layer), layer)
        self.model.eval()
        places = np.array([(unit.p, unit.q) for unit in units])
        x, activation, window = receptive_fields.forward(self.model, images, layer, places)
        at = [(n, unit.map, 0, 0) for n, unit in enumerate(units)]  # at (0, 0) of its own patch
        pixels, values = self._backward(x, activation, at, self._field_table)
        return [
            self._cut(n, layer, unit, values[n], pixels[n], window.at[n])
            for n, unit in enumerate(units)
        ]

    def _cut(
        self, n: int, layer: str, unit: Unit, value: float, pixels: np.ndarray, at: np.ndarray
    ) -> Projection:
        """The projection of a unit whose patch of pixels (3,h,w) begins at `at` of its image."""
        S = self.model.image_size
        box = self.model.receptive_field(layer, unit.p, unit.q).clip(S, S)
        inside = Box(box.top - at[0], box.bottom - at[0], box.left - at[1], box.right - at[1])
        part = pixels[(slice(None), *_within(inside))].copy()
        return Projection(n, layer, unit, value, box, part, box, S)

    def _name(self, layer: str) -> str:
        return self.model.scores if layer == "scores" else layer

    def _forward(self, images: np.ndarray, layer: str) -> tuple[Tensor, Tensor]:
        """The images and the layer's activations (N,...), on the tape."""
        self._check_images(images)
        self.model.eval()
        x = Tensor(device.move(images, self.model.device), requires_grad=True)
        name = self._name(layer)
        return x, self.model.activations(x, until=name)[name]

    def _check_images(self, images: np.ndarray) -> int:
        """The side that the network takes; ValueError unless the images have it."""
        S = self.model.image_size
        if images.ndim != 4 or images.shape[1:] != (3, S, S) or len(images) == 0:
            raise ValueError(
                f"project: images of shape {images.shape}; this network takes (N, 3, {S}, {S}), "
                "preprocessed, with N at least 1"
            )
        return S

    def _project_whole(
        self, x: Tensor, activation: Tensor, layer: str, units: Sequence[Unit]
    ) -> list[Projection]:
        """All activations but one of each image set to zero, projected to the pixels."""
        layout, shape = self.model.layout(layer), activation.shape[1:]
        at = [(n, *layout.index(shape, u.map, u.p, u.q)) for n, u in enumerate(units)]
        pixels, values = self._backward(x, activation, at, self.table)
        S = self.model.image_size
        whole = Box(0, S, 0, S)
        held = self.table["multiply"] is not rules.gradient["multiply"]
        fields = (self.model.receptive_field(layer, u.p, u.q, held=held) for u in units)
        boxes = [field.clip(S, S) for field in fields]
        return [
            Projection(n, layer, unit, values[n], boxes[n], pixels[n], whole, S)
            for n, unit in enumerate(units)
        ]

    def _backward(
        self, x: Tensor, activation: Tensor, at: Sequence[tuple[int, ...]], table: Rules
    ) -> tuple[np.ndarray, list[float]]:
        """The backward pass of one activation for each image, and these activations.

        at: the index of each in the activations.
        """
        chosen = device.index(tuple(np.array(at).T), activation.data)
        values, cotangent = activation.data[chosen], np.zeros_like(activation.data)
        cotangent[chosen] = values
        (pixels,) = activation.backward(cotangent, rules=table, inputs=[x])
        return pixels.numpy(), device.host(values).tolist()


def strongest(activation: np.ndarray, map: int | None = None) -> list[Unit]:
    """The unit of the largest activation (N,K,P,Q) or (N,K) in each image, or in one map of it.

    Of other layers' outputs `InspectableGraph.layout(layer).planar` makes (N,K,P,Q).
    """
    planes = activation if activation.ndim == 4 else activation[:, :, None, None]
    P, Q = planes.shape[2:]
    first = 0 if map is None else map
    part = planes if map is None else planes[:, map : map + 1]
    flat = device.host(part.reshape(len(part), -1).argmax(axis=1))  # (N,K,P,Q) -> (N,KPQ)
    return [Unit(first + i // (P * Q), i // Q % P, i % Q) for i in flat.tolist()]


def _chosen(
    activation: np.ndarray, layer: str, map: int | None, units: Sequence[Unit] | None
) -> list[list[Unit]]:
    """The units to project in each image."""
    if map is not None and units is not None:
        raise ValueError("project: give a map or units, not both")
    if units is not None:
        if not units:
            raise ValueError("project: the list of units is empty")
        for unit in units:
            _check_unit(unit, activation.shape[1:], layer)
        return [list(units) for _ in activation]
    if map is not None:
        _check_unit(Unit(map), activation.shape[1:], layer)
    return [[unit] for unit in strongest(activation, map)]


def _check_unit(unit: Unit, shape: Sequence[int], layer: str) -> None:
    K, P, Q = shape
    if not (0 <= unit.map < K and 0 <= unit.p < P and 0 <= unit.q < Q):
        raise ValueError(
            f"{layer} has the maps 0 to {K - 1} of {P}x{Q} units; {unit} is none of them"
        )


def _within(box: Box) -> tuple[slice, slice]:
    return slice(box.top, box.bottom), slice(box.left, box.right)
