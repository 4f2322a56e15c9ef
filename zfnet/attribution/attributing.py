"""Attribution of a unit to the pixels of images, by a method's name."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from minidl import Tensor, device, no_grad
from zfnet.attribution.methods import method_named
from zfnet.attribution.passes import Question
from zfnet.attribution.result import Attribution
from zfnet.attribution.targets import Chosen, Target, targets
from zfnet.experiments.shared.results import Report, silent
from zfnet.inspectable import InspectableGraph
from zfnet.network import Network


def attribute(
    network: Network | InspectableGraph,
    images: Any,
    unit: Chosen | Sequence[Chosen] = None,
    method: str = "gradient",
    *,
    layer: str = "scores",
    dtype: Any = np.float32,
    batch_size: int = 16,
    report: Report = silent,
    **settings: Any,
) -> Attribution:
    """What the pixels of `images` have to do with one unit of `layer` in each of them.

    images:     (N,3,S,S) or (3,S,S), preprocessed (`zfnet.prepare`), arrays or Tensors.
    unit:       a class by its number or name, a map (its strongest unit), a `Unit`; None: the
                strongest of the layer in each image. One for all images, or a sequence, one each.
    method:     a name in `METHODS`; docs/rules.md says what each means. `settings` are its own.
    layer:      any layer by its name; "scores": the classes' scores.
    dtype:      np.float32, or np.float64: a copy of the network computes in double precision.
    batch_size: images in memory at a time.
    ValueError for a method, setting, layer or unit that does not exist, or for other images.
    """
    chosen = method_named(method)
    used = chosen.checked(settings)
    model = network.model if isinstance(network, Network) else network
    classes = network.classes if isinstance(network, Network) else ()
    x = _images(images, model.image_size)
    model = _in_type(model, np.dtype(dtype)).eval()
    if batch_size < 1:
        raise ValueError(f"attribute: batch_size is {batch_size}; at least 1 image is computed")
    name = model.scores if layer == "scores" else layer
    target, outputs = _chosen(model, classes, x, name, unit, batch_size)
    question = Question(model, x, target, _bounds(network), batch_size, report)
    found = chosen.run(question, **used)
    values = found.values.astype(dtype, copy=False)
    return Attribution(
        method, name, target.units, outputs, values, chosen.flatten(values), chosen.kind,
        found.gap, used,
    )  # fmt: skip


def _bounds(network: Network | InspectableGraph) -> tuple[np.ndarray, np.ndarray] | None:
    """Black and white as they are preprocessed, (3,S,S)."""
    if not isinstance(network, Network):
        return None
    p = network.preprocess
    black, white = (np.full((p.resize, p.resize, 3), value, np.uint8) for value in (0, 255))
    low, high = (p.centre(plain).transpose(2, 0, 1) for plain in (black, white))  # -> (3,S,S)
    return low, high


def _images(images: Any, S: int) -> np.ndarray:
    """(N,3,S,S) of one image or several; ValueError unless they have the network's size."""
    array = images.numpy() if isinstance(images, Tensor) else images
    if not device.is_array(array):
        raise TypeError(f"attribute: images must be an array or a Tensor, got {type(array)}")
    found: np.ndarray = device.host(array[None] if array.ndim == 3 else array)  # -> (N,3,S,S)
    if found.ndim != 4 or found.shape[1:] != (3, S, S) or len(found) == 0:
        raise ValueError(
            f"attribute: images of shape {np.shape(array)}; this network takes (N, 3, {S}, {S}), "
            "preprocessed, with N at least 1"
        )
    return found


def _in_type(model: InspectableGraph, dtype: np.dtype) -> InspectableGraph:
    """The model, or a copy of it that computes in `dtype`."""
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"attribute: dtype is {dtype}; it is float32 or float64")
    if dtype == np.float32 or model.dtype == dtype:
        return model
    return deepcopy(model).double()


def _chosen(
    model: InspectableGraph,
    classes: Sequence[str],
    x: np.ndarray,
    layer: str,
    unit: Chosen | Sequence[Chosen],
    batch_size: int,
) -> tuple[Target, np.ndarray]:
    """The units, and their values (N,)."""
    model.layout(layer)  # (an error for a layer that does not exist)
    parts = []
    with no_grad():
        for first in range(0, len(x), batch_size):
            some = model.input_tensor(x[first : first + batch_size].astype(model.dtype, copy=False))
            y = model(some) if layer == model.output else model.activations(some, layer)[layer]
            parts.append(y.numpy())
    activation = np.concatenate(parts)
    target = targets(model, classes, Tensor(activation), layer, unit)
    planes = model.layout(layer).planar(activation)  # (N,...) -> (N,K,P,Q)
    at = np.array([(n, u.map, u.p, u.q) for n, u in enumerate(target.units)])
    return target, planes[tuple(at.T)]
