"""Inspectable graph: layers by name, their shapes, units and receptive fields.

Every layer's output has units (map, p, q) (`zfnet/layouts.py`). A receptive field follows the
layers down to the image (`zfnet/dependence.py`); behind a layer that mixes all places, such as
attention, a gate of squeeze-and-excitation or a matrix product over flattened planes, it is the
whole image. A layer is windowed if it slides a window over planes or is pixelwise, and all layers
below it are too: it can be computed from patches of the image.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from kernels.contract.geometry import Box, ConvGeometry, PoolGeometry
from minidl import Tensor, nn, no_grad
from zfnet.dependence import Dependence, Value
from zfnet.dependence_rules import dependence
from zfnet.fields import Reaches, pixels, signals_alone
from zfnet.layouts import Layout
from zfnet.reach import Sliding
from zfnet.views import View, views

WINDOWS = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.GlobalAvgPool2d, nn.GlobalMaxPool2d)
"""Layers that slide a window over planes."""
JOINS = ("Add", "Concatenate", "Divide", "Maximum", "Minimum", "Multiply", "Subtract", "Where")
"""Kinds of layers at which branches meet."""
ACTIVATIONS = (
    "Clip", "ELU", "GELU", "Hardswish", "LeakyReLU", "Mish", "PReLU", "ReLU", "SiLU", "Softplus",
)  # fmt: skip
"""Kinds of layers behind which a unit counts as active above zero."""
SHAPING = ("Dropout", "Flatten", "Identity", "Reshape", "Transpose")
"""Kinds of layers that change no value."""


class InspectableGraph(nn.Graph):
    """A graph of named layers over colour images of one size."""

    @property
    def image_size(self) -> int:
        """S of the images (N,3,S,S)."""
        raise NotImplementedError

    @property
    def has_scores(self) -> bool:
        """Whether its output is the scores of classes, (N,C)."""
        return len(self.shapes()[self.scores]) == 1

    @property
    def num_classes(self) -> int:
        """Number of scores; 0 for a network that gives none."""
        return self.shapes()[self.scores][0] if self.has_scores else 0

    @property
    def scores(self) -> str:
        """The layer that gives the classes' scores, before a softmax, or another output."""
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
        """The layers whose maps are shown by default: the convolutions and joins of the trunk that
        have places, in planes or as tokens."""
        found = self._of_trunk(("Conv2d", *JOINS))
        return [n for n in found if self.is_planar(n)] or self.trunk()[:1]

    @property
    def last_spatial_layer(self) -> str:
        """The last layer with several places: a convolution, a join or an activation."""
        found = [n for n in self._of_trunk(("Conv2d", *JOINS, *ACTIVATIONS)) if self.is_planar(n)]
        found = [n for n in found if max(self.unit_planes(n)[1:]) > 1 or n == found[0]]
        return [*self.trunk()[:1], *found][-1]

    @property
    def first_features(self) -> str:
        """The layer of the first features: the first activation, if there is one."""
        return [*self._of_trunk(ACTIVATIONS), self.trunk()[0]][0]

    @property
    def top_features(self) -> str:
        """The layer of the top features: the scores' input, before dropout and reshaping."""
        layers = dict(self.children())
        found = [n for n in self.trunk()[:-1] if type(layers[n]).__name__ not in SHAPING]
        return [self.trunk()[0], *found][-1]

    def _of_trunk(self, kinds: tuple[str, ...]) -> list[str]:
        """The layers of the trunk of these kinds."""
        layers = dict(self.children())
        return [name for name in self.trunk() if type(layers[name]).__name__ in kinds]

    def input_tensor(self, images: np.ndarray) -> Tensor:
        """Images (N,3,S,S) as a tensor on the device of the weights."""
        return Tensor(images).to(self.device)

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of every layer's output without the batch axis, by name."""
        return self._shapes

    @cached_property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        S = self.image_size
        modes = {module: module.training for _, module in self.named_modules()}
        self.eval()  # no statistics of a batch without images
        with no_grad():  # which has the shapes, and takes no memory
            found = self.activations(self.input_tensor(np.zeros((0, 3, S, S), self.dtype)))
        for module, training in modes.items():
            module.training = training
        return {name: y.shape[1:] for name, y in found.items()}

    @cached_property
    def _units(self) -> tuple[dict[str, Value], dict[str, Dependence]]:
        """The units of every layer that leads to the output, and what they depend on."""
        S, shapes = self.image_size, self.shapes()
        values = {nn.INPUT: Value((3, S, S), Layout(1, 2))}
        found = dict[str, Dependence]()
        for name, layer in self.children():
            if name in shapes:
                below = [values[source] for source in self.wiring()[name]]
                found[name] = each = dependence(layer, below, shapes[name])
                usual = Layout.usual(shapes[name])
                known = each.layout is not None
                values[name] = Value(shapes[name], each.layout or usual, known)
        return values, found

    def layout(self, layer: str) -> Layout:
        """Which axes of the layer's output are maps and places; ValueError for an unknown layer."""
        return self._value(layer).layout

    def unit_planes(self, layer: str) -> tuple[int, int, int]:
        """(K,P,Q): the layer's units are (map, p, q)."""
        value = self._value(layer)
        return value.layout.planes(value.shape)

    def is_planar(self, layer: str) -> bool:
        """Whether the layer's units are known to be places of the image, in planes or tokens."""
        value = self._value(layer)
        return value.known and bool(value.layout.places)

    def _value(self, layer: str) -> Value:
        values, _ = self._units
        if layer not in values:
            raise ValueError(f"no layer {layer!r}; the layers are {', '.join(self.layer_names())}")
        return values[layer]

    def planes(self) -> Mapping[str, tuple[int, int]]:
        """(H,W) of every layer that has planes, and of the image, by name."""
        return self._planes

    @cached_property
    def _planes(self) -> dict[str, tuple[int, int]]:
        values, _ = self._units
        return {
            name: value.plane
            for name, value in values.items()
            if value.known and len(value.layout.places) == 2
        }

    def windowed(self) -> Mapping[str, tuple[int, int]]:
        """(H,W) of every layer that can be computed from patches of the image, and of the image."""
        return self._windowed

    @cached_property
    def _windowed(self) -> dict[str, tuple[int, int]]:
        (values, found), kept = self._units, {nn.INPUT: (self.image_size, self.image_size)}
        for name, each in found.items():
            fed = all(source in kept for source in self.wiring()[name])
            if fed and each.patchable and name in self.planes() and len(values[name].shape) == 3:
                kept[name] = self.planes()[name]
        return kept

    def geometries(self) -> Mapping[str, ConvGeometry | PoolGeometry]:
        """The geometry of each layer that slides a window over planes, for one image."""
        return self._geometries

    @cached_property
    def _geometries(self) -> dict[str, ConvGeometry | PoolGeometry]:
        _, found = self._units
        windows = {name: each.reaches[0] for name, each in found.items() if each.reaches}
        return {n: reach.geometry for n, reach in windows.items() if isinstance(reach, Sliding)}

    def views(self, layer: str) -> dict[str, View]:
        """The receptive field of `layer` in each layer below it, and in the image (`nn.INPUT`).

        ValueError for layers that are not windowed, or that do not exist.
        """
        windowed = self.windowed()
        if layer not in windowed or layer == nn.INPUT:
            raise ValueError(f"{layer!r} is no layer of windows alone: {', '.join(windowed)}")
        if layer not in self._views:
            order, wiring = self._order(layer), self.wiring()
            self._views[layer] = views(order, wiring, self.geometries(), windowed)
        return self._views[layer]

    @cached_property
    def _views(self) -> dict[str, dict[str, View]]:
        return {}

    def receptive_field(self, layer: str, p: int, q: int, *, held: bool = False) -> Box:
        """The receptive field of the units (p, q) of `layer` in the image, without contrast
        normalisation's.

        It contains every pixel on which they depend, and may reach outside the image, by the
        padding of windows. held: with gates and the statistics of normalisations held constant, as
        the deconvnet and guided backpropagation have them: where a projection can reach.
        ValueError for a layer that does not exist.
        """
        S, value = self.image_size, self._value(layer)
        place = value.layout.place(p, q) if value.known else None
        if place is None:
            return Box(0, S, 0, S)
        i, j = place
        box = Box(i, i + 1, j, j + 1)
        return pixels(self._order(layer), self.wiring(), self._reaches[held], box)

    def _order(self, layer: str) -> list[str]:
        """The layers from which `layer` is computed, itself the last."""
        below = self.below(layer)
        return [name for name in self.layer_names() if name in below]

    @cached_property
    def _reaches(self) -> dict[bool, Reaches]:
        """The reaches of every layer, and those with gates and statistics held constant."""
        found = {name: each.reaches for name, each in self._units[1].items()}
        return {False: found, True: signals_alone(dict(self.children()), self.wiring(), found)}

    def layer_names(self) -> list[str]:
        return [name for name, _ in self.children()]

    def trunk(self) -> list[str]:
        """The layers on every path from the image to the scores, in order."""
        order, wiring = self._order(self.scores), self.wiring()
        last_use = {source: i for i, name in enumerate(order) for source in wiring[name]}
        reach, found = last_use.get(nn.INPUT, 0), []
        for i, name in enumerate(order):
            if reach <= i:
                found.append(name)
            reach = max(reach, last_use.get(name, i))
        return found

    def set_randomness(self, seed: int, step: int, first: int = 0) -> None:
        """Seed and step of the dropout masks in the next forward pass of training, and the number
        of the batch's images in front of those that it is given."""
        for _, module in self.modules():
            if isinstance(module, nn.Dropout):
                module.seed, module.step, module.first = seed, step, first

    @property
    def dtype(self) -> np.dtype:
        """Of the weights."""
        return next((p.dtype for p in self.parameters()), np.dtype(np.float32))
