"""Inspectable graph: layers by name, their shapes, planes and receptive fields.

A layer has planes if it slides windows over planes or is pixelwise. Behind the first layer that is
neither (it flattens, or multiplies by a matrix) the receptive field is the whole image.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from kernels.contract.geometry import Box, ConvGeometry, PoolGeometry
from minidl import Tensor, nn, no_grad
from zfnet.views import Geometry, View, views

WINDOWS = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.GlobalAvgPool2d, nn.GlobalMaxPool2d)
"""Layers that slide a window over planes."""
JOINS = (nn.Add, nn.Concatenate)
"""Layers at which branches meet."""
PIXELWISE = (
    nn.Affine, nn.Clip, nn.Dropout, nn.Identity, nn.LeakyReLU, nn.LocalResponseNorm, nn.Pixels,
    nn.PReLU, nn.ReLU, nn.Sigmoid, nn.Tanh, *JOINS,
)  # fmt: skip
"""Pixelwise layers, of one input or several."""
RECTIFIERS = (nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.Clip)


class InspectableGraph(nn.Graph):
    """A graph of named layers over colour images of one size."""

    @property
    def image_size(self) -> int:
        """S of the images (N,3,S,S)."""
        raise NotImplementedError

    @property
    def num_classes(self) -> int:
        """Number of scores."""
        return self.shapes()[self.scores][0]

    @property
    def scores(self) -> str:
        """The layer that gives the classes' scores, before a softmax."""
        return self.output

    @property
    def parameter_count(self) -> int:
        return sum(p.size for p in self.parameters())

    @property
    def convolutions(self) -> list[str]:
        """The names of the convolution layers, from the first to the last."""
        return [name for name, layer in self.children() if isinstance(layer, nn.Conv2d)]

    @property
    def shown_layers(self) -> list[str]:
        """The layers whose maps are shown by default: the convolutions and joins of the trunk."""
        kinds = (nn.Conv2d, *JOINS)
        layers = dict(self.children())
        return [n for n in self.trunk() if isinstance(layers[n], kinds) and n in self.planes()]

    @property
    def last_spatial_layer(self) -> str:
        """The last layer with spatial planes: not a pooling, and larger than one pixel."""
        layers, planes = dict(self.children()), self.planes()
        kinds = (nn.Conv2d, *JOINS, *RECTIFIERS)
        found = [n for n in self.trunk() if isinstance(layers[n], kinds) and n in planes]
        return [n for n in found if max(planes[n]) > 1 or n == found[0]][-1]

    @property
    def first_features(self) -> str:
        """The layer of the first features: the first rectifier, if there is one."""
        layers = dict(self.children())
        found = [name for name in self.trunk() if isinstance(layers[name], RECTIFIERS)]
        return [*found, self.trunk()[0]][0]

    @property
    def top_features(self) -> str:
        """The layer of the top features: the scores' input, before dropout and reshaping."""
        kinds = (nn.Dropout, nn.Flatten, nn.Identity, nn.Reshape)
        layers = dict(self.children())
        found = [name for name in self.trunk()[:-1] if not isinstance(layers[name], kinds)]
        return [self.trunk()[0], *found][-1]

    def input_tensor(self, images: np.ndarray) -> Tensor:
        """Images (N,3,S,S) as a tensor on the device of the weights."""
        return Tensor(images).to(self.device)

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of every layer's output without the batch axis, by name."""
        return self._shapes

    @cached_property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        S = self.image_size
        with no_grad():  # a batch of no images has the shapes, and takes no memory
            found = self.activations(self.input_tensor(np.zeros((0, 3, S, S), self.dtype)))
        return {name: y.shape[1:] for name, y in found.items()}

    def planes(self) -> Mapping[str, tuple[int, int]]:
        """(H,W) of every layer that has planes, and of the image, by name."""
        return self._planes

    @cached_property
    def _planes(self) -> dict[str, tuple[int, int]]:
        found = {nn.INPUT: (self.image_size, self.image_size)}
        for name, layer in self.children():
            kinds = (*WINDOWS, *PIXELWISE, nn.LocalContrastNorm)
            if name in self.shapes() and isinstance(layer, kinds) and self._is_planar(name, found):
                P, Q = self.shapes()[name][1:]
                found[name] = P, Q
        return found

    def _is_planar(self, name: str, planes: Mapping[str, tuple[int, int]]) -> bool:
        fed = all(source in planes for source in self.wiring()[name])
        return fed and len(self.shapes()[name]) == 3

    def geometries(self) -> Mapping[str, ConvGeometry | PoolGeometry]:
        """The geometry of each layer that slides a window, for one image."""
        return self._geometries

    @cached_property
    def _geometries(self) -> dict[str, ConvGeometry | PoolGeometry]:
        found = dict[str, ConvGeometry | PoolGeometry]()
        for name, layer in self.children():
            if isinstance(layer, WINDOWS) and name in self.shapes():
                (source,) = self.wiring()[name]
                S = self.image_size
                inner = (3, S, S) if source == nn.INPUT else self.shapes()[source]
                found[name] = geometry(layer, (1, *inner))
        return found

    def views(self, layer: str) -> dict[str, View]:
        """The receptive field of `layer` in each layer below it, and in the image (`nn.INPUT`).

        ValueError for layers without planes, or that do not exist.
        """
        planes = self.planes()
        if layer not in planes or layer == nn.INPUT:
            raise ValueError(
                f"{layer!r} is no layer with a plane of units: {', '.join(self.layer_names())}"
            )
        if layer not in self._views:
            below = self.below(layer)
            order = [name for name in self.layer_names() if name in below]
            self._views[layer] = views(order, self.wiring(), self.geometries(), planes)
        return self._views[layer]

    @cached_property
    def _views(self) -> dict[str, dict[str, View]]:
        return {}

    def receptive_field(self, layer: str, p: int, q: int) -> Box:
        """The receptive field of unit (p, q) of `layer` in the image, without normalisation's.

        It may reach outside the image, by the padding. ValueError for layers without planes, or
        that do not exist.
        """
        return self.views(layer)[nn.INPUT].box(p, q)

    def layer_names(self) -> list[str]:
        return [name for name, _ in self.children()]

    def trunk(self) -> list[str]:
        """The layers on every path from the image to the scores, in order."""
        below, wiring = self.below(self.scores), self.wiring()
        order = [name for name in self.layer_names() if name in below]
        last_use = {source: i for i, name in enumerate(order) for source in wiring[name]}
        reach, found = last_use.get(nn.INPUT, 0), []
        for i, name in enumerate(order):
            if reach <= i:
                found.append(name)
            reach = max(reach, last_use.get(name, i))
        return found

    def set_randomness(self, seed: int, step: int) -> None:
        """Seed and step of the dropout masks in the next forward pass of training."""
        for _, module in self.modules():
            if isinstance(module, nn.Dropout):
                module.seed, module.step = seed, step

    @property
    def dtype(self) -> np.dtype:
        """Of the weights."""
        return next((p.dtype for p in self.parameters()), np.dtype(np.float32))


def geometry(layer: nn.Module, shape: tuple[int, ...]) -> Geometry:
    """The geometry of a layer that slides a window over planes (N,C,H,W)."""
    if isinstance(layer, nn.Conv2d):
        return ConvGeometry.of(shape, layer.weight.shape, **layer.settings)
    if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d):
        return PoolGeometry.of(shape, **layer.settings)
    return PoolGeometry.of(shape, shape[2:])
