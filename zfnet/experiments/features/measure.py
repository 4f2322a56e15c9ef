"""Strongest activations of each map over a data set, and their projections (paper, Fig 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

import kernels
from minidl import device, nn, no_grad
from zfnet.attribution.projector import Projector
from zfnet.data import Batch, Dataset, Loading
from zfnet.deconvnet import Deconvnet, Projection, Unit
from zfnet.inspectable import InspectableGraph
from zfnet.network import Network
from zfnet.outputs import Outputs
from zfnet.over_batches import OverBatches
from zfnet.steps import with_relu

Progress = Callable[[int, int], None]


@dataclass(eq=False)
class Strongest:
    """The k strongest activations of every map of a layer, at most one in an image.

    values (K,k), falling; images (K,k), positions in the data set; places (K,k), p Q + q. With
    fewer images than k there are as many columns as images.
    """

    layer: str
    plane: tuple[int, int]
    values: np.ndarray
    images: np.ndarray
    places: np.ndarray

    def units(self, map: int) -> Iterator[tuple[int, float, Unit]]:
        """(image, value, unit) of a map's activations above zero."""
        Q = self.plane[1]
        for image, value, place in zip(
            self.images[map], self.values[map], self.places[map], strict=True
        ):
            if value > 0:
                yield int(image), float(value), Unit(map, int(place) // Q, int(place) % Q)


def strongest_activations(
    network: Network,
    dataset: Dataset,
    layers: Sequence[str],
    *,
    k: int = 9,
    batch_size: int = 64,
    workers: int = 2,
    progress: Progress = lambda done, total: None,
) -> dict[str, Strongest]:
    """One pass over the data set's centre crops; memory does not grow with the number of images.

    A convolution with a ReLU behind it is measured after the ReLU. ValueError for a layer that does
    not exist, no layers, or k below 1.
    """
    if k < 1 or not layers:
        raise ValueError(f"k is {k}, the layers are {list(layers)}: at least one of each is needed")
    maxima = Maxima(tuple({layer: _measured(network.model, layer) for layer in layers}.items()))
    how = Loading.in_order(workers=workers)
    over = OverBatches(network, dataset, batch_size, how, maxima)
    found: dict[str, Strongest] = {}
    for batch in over.each(heed=lambda images: progress(images, len(dataset))):
        for layer, largest in (batch.found or {}).items():
            _merge(found, layer, largest, batch.indices, k)
    return {layer: found[layer] for layer in layers if layer in found}


@dataclass(frozen=True)
class Largest:
    """The largest activation of each map of a batch's images: values and places, (K,N), in a plane
    of P x Q."""

    plane: tuple[int, int]
    values: np.ndarray
    places: np.ndarray


@dataclass(frozen=True)
class Maxima:
    """The largest activations of a batch, by layer. measured: pairs of a layer's name and of the
    layer that is measured for it."""

    measured: tuple[tuple[str, str], ...]

    def __call__(self, network: Network, batch: Batch) -> dict[str, Largest]:
        model = network.model.eval()
        outputs, found = Outputs(model, [name for _, name in self.measured]), {}
        with no_grad():
            for name, y in outputs({nn.INPUT: model.input_tensor(batch.images)}):
                units = model.layout(name).planar(y.data)
                largest = _largest(units)
                found.update({own: largest for own, measured in self.measured if measured == name})
        return found


def joined(
    before: dict[str, Strongest], more: dict[str, Strongest], first: int, k: int
) -> dict[str, Strongest]:
    """The k strongest of both; `more` are of later images, which begin at position `first`."""
    found = dict(before)
    for layer, new in more.items():
        images = new.images + first
        if layer in before:
            old = before[layer]
            found[layer] = _strongest(layer, new.plane, k, *(
                np.concatenate([a, b], axis=1) for a, b in (
                    (old.values, new.values), (old.images, images), (old.places, new.places)
                )
            ))  # fmt: skip
        else:
            found[layer] = Strongest(layer, new.plane, new.values, images, new.places)
    return found


def _measured(model: InspectableGraph, layer: str) -> str:
    """The layer, or the ReLU behind a convolution; ValueError for a layer that does not exist."""
    model.unit_planes(layer)
    return with_relu(model, layer)


def _largest(activation: np.ndarray) -> Largest:
    """Of each plane of (N,K,P,Q)."""
    maxima = kernels.pick_for("plane_max", activation, activation.shape)
    values, places = (device.host(a).T for a in maxima(activation))  # (N,K) -> (K,N)
    return Largest(activation.shape[2:], values, places)


def _merge(
    found: dict[str, Strongest], layer: str, largest: Largest, indices: np.ndarray, k: int
) -> None:
    """Keep the k strongest of the earlier activations and of a batch's."""
    values, places = largest.values, largest.places
    images = np.broadcast_to(indices, values.shape)  # (N,) -> (K,N)
    if layer in found:
        before = found[layer]
        values = np.concatenate([before.values, values], axis=1)
        images = np.concatenate([before.images, images], axis=1)
        places = np.concatenate([before.places, places], axis=1)
    found[layer] = _strongest(layer, largest.plane, k, values, images, places)


def _strongest(layer: str, plane: tuple[int, int], k: int, *columns: np.ndarray) -> Strongest:
    """The k largest of values, images and places, each (K,n); of equal ones the earlier image."""
    order = np.argsort(-columns[0], axis=1, kind="stable")[:, :k]
    return Strongest(layer, plane, *(np.take_along_axis(a, order, axis=1) for a in columns))


@dataclass(frozen=True, eq=False)
class MapPicture:
    """One map's strongest activations: projections, patches (h,w,3) uint8 and titles, strongest
    first; `images` are positions in the data set."""

    map: int
    value: float
    projections: list[Projection]
    patches: list[np.ndarray]
    images: list[int]


def choose_maps(strongest: Strongest, count: int, rng: np.random.Generator) -> list[int]:
    """Up to `count` maps that are active in some image, drawn at random, in order."""
    alive = np.flatnonzero(strongest.values[:, 0] > 0)
    return sorted(rng.choice(alive, min(count, len(alive)), replace=False).tolist())


def project_strongest(
    network: Network,
    dataset: Dataset,
    strongest: Strongest,
    maps: Sequence[int],
    *,
    deconvnet: Projector | None = None,
    batch_size: int = 64,
    progress: Progress = lambda done, total: None,
) -> list[MapPicture]:
    """Each map's strongest activations projected, beside the patches that caused them."""
    deconvnet = deconvnet or Deconvnet(network.model)
    wanted = [(image, unit) for map in maps for image, _, unit in strongest.units(map)]
    found: list[tuple[int, Projection, np.ndarray]] = []
    for first in range(0, len(wanted), batch_size):
        chunk = wanted[first : first + batch_size]
        inputs = np.stack([centre_crop(network, dataset, image) for image, _ in chunk])
        units = [unit for _, unit in chunk]
        projections = deconvnet.project_each(inputs, strongest.layer, units)
        for (image, _), projection, x in zip(chunk, projections, inputs, strict=True):
            found.append((image, projection, patch(network, x, projection)))
        progress(len(found), len(wanted))
    return [_picture(map, found) for map in maps if any(p.unit.map == map for _, p, _ in found)]


def _picture(map: int, found: Sequence[tuple[int, Projection, np.ndarray]]) -> MapPicture:
    own = [entry for entry in found if entry[1].unit.map == map]
    images, projections, patches = zip(*own, strict=True)
    return MapPicture(map, projections[0].value, list(projections), list(patches), list(images))


def centre_crop(network: Network, dataset: Dataset, index: int) -> np.ndarray:
    """The preprocessed centre crop of image `index`: (3, S, S) float32."""
    prepared = network.preprocess.prepare(dataset.image(index))
    return network.preprocess.centre(prepared).transpose(2, 0, 1)  # (S,S,3) -> (3,S,S)


def patch(network: Network, x: np.ndarray, projection: Projection) -> np.ndarray:
    """The receptive field of the projected unit in an input (3,S,S), as a picture (h,w,3) uint8."""
    b = projection.box
    return network.preprocess.to_pixels(x)[b.top : b.bottom, b.left : b.right]
