"""Features of a whole data set at chosen layers, from one pass (paper, Tables 4 to 7).

The features of a layer of the paper's network are its outputs after ReLU and, where it has them,
pooling and normalisation; of any other layer they are its own outputs. They are one float32 array
for each layer, as units (map, p, q) (`zfnet/layouts.py`): planes and tokens are flattened. Those
that exceed the allowed memory are averaged over cells of places; the bank records the reduced
sizes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from minidl import nn, no_grad
from zfnet.data import Batch, Dataset, Loading
from zfnet.experiments.shared.results import Report, silent
from zfnet.inspectable import InspectableGraph
from zfnet.network import Network
from zfnet.outputs import Outputs
from zfnet.over_batches import OverBatches

MEMORY = 2048
"""Megabytes (1e6 bytes) of features, by default: those of Table 7 for all of Caltech-101."""


@dataclass(frozen=True, eq=False)
class FeatureBank:
    """Features of the n readable images of a data set.

    features: by layer (n,D) float32, maps first: D counts (k,p,q) in this order.
    shapes:   by layer (K,P,Q), or (K,) where its units have no places; (K,L) of tokens.
    kept:     by layer the numbers (p, q) of places after averaging, those of `shapes` without.
    labels:   (n,) int64; indices: (n,) int64, positions in the data set, rising.
    bad:      the title of each image that could not be read, and the reason.
    """

    features: Mapping[str, np.ndarray]
    shapes: Mapping[str, tuple[int, ...]]
    kept: Mapping[str, tuple[int, int]]
    labels: np.ndarray
    indices: np.ndarray
    bad: Mapping[str, str] = field(default_factory=dict)

    def described(self, layer: str) -> str:
        """ "256 × 6 × 6", or "96 × 10 × 10 of 96 × 55 × 55, averaged"."""
        whole, kept = self.shapes[layer], self._reduced(layer)
        return _times(kept) if kept == whole else f"{_times(kept)} of {_times(whole)}, averaged"

    def is_averaged(self, layer: str) -> bool:
        """Whether the layer's units are means over cells of places."""
        return self._reduced(layer) != self.shapes[layer]

    def _reduced(self, layer: str) -> tuple[int, ...]:
        whole = self.shapes[layer]
        return (whole[0], *self.kept[layer])[: len(whole)]

    def left_out(self) -> str:
        """A sentence about unreadable images; empty if there are none."""
        if not self.bad:
            return ""
        title, reason = next(iter(self.bad.items()))
        return f"{len(self.bad)} images could not be read and are left out; `{title}`: {reason}."


def _times(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def read_features(
    network: Network,
    dataset: Dataset,
    layers: Sequence[str],
    *,
    memory: int = MEMORY,
    batch_size: int = 64,
    workers: int = 2,
    report: Report = silent,
) -> FeatureBank:
    """One pass over the centre crops of the network's own preprocessing.

    memory: megabytes for the features, in equal shares for the layers; a batch's activations need
    memory besides. ValueError for a layer that does not exist, no layers, or a memory that is too
    small for one value of each map.
    """
    names, bad = Outputs(network.model, layers).names, dict[str, str]()
    share = memory * 1_000_000 // len(names)
    reduced = Reduced(names, len(dataset), share)
    over = OverBatches(network, dataset, batch_size, Loading.in_order(workers=workers), reduced)
    filled: dict[str, _LayerFeatures] = {}
    labels, indices = [], []
    for batch in over.each(bad, lambda images: report("reading features", images, len(dataset))):
        for name, units in (batch.found or {}).items():
            if name not in filled:
                filled[name] = _LayerFeatures(units, len(dataset))
            filled[name].add(units.rows)
        labels.append(batch.labels)
        indices.append(batch.indices)
    filled = {name: filled[name] for name in names if name in filled}
    return FeatureBank(
        {name: f.rows for name, f in filled.items()},
        {name: f.shape for name, f in filled.items()},
        {name: f.kept for name, f in filled.items()},
        np.concatenate(labels),
        np.concatenate(indices),
        bad,
    )


@dataclass(frozen=True, eq=False)
class OfLayer:
    """A batch's features of a layer, (n,D) float32, of units of `shape` averaged to `kept`."""

    rows: np.ndarray
    shape: tuple[int, ...]
    kept: tuple[int, int]


@dataclass(frozen=True)
class Reduced:
    """The features of a batch, by layer, averaged where so many images exceed the memory.

    share: bytes for a layer.
    """

    names: tuple[str, ...]
    images: int
    share: int

    def __call__(self, network: Network, batch: Batch) -> dict[str, OfLayer]:
        model, found = network.model.eval(), {}
        for name, units in _units(model, Outputs(model, self.names), batch.images):
            shape = units.shape[1 : 2 + len(model.layout(name).places)]
            kept = self._kept(name, shape)
            # (N,K,p,q) -> (N,D)
            rows = averaged(units, kept).reshape(len(units), -1)
            found[name] = OfLayer(rows, shape, kept)
        return found

    def _kept(self, layer: str, shape: tuple[int, ...]) -> tuple[int, int]:
        K, P, Q = (*shape, 1, 1)[:3]
        # Of D = K p q values of 4 bytes, for each image
        fitting = self.share / (4 * K * self.images)
        if fitting < 1:
            raise ValueError(
                f"{layer} of {self.images:,} images needs {4 * K * self.images / 1e6:.0f} MB, its "
                f"share of the memory for features is {self.share / 1e6:.0f} MB: allow more "
                "(--memory), or ask for fewer layers or images"
            )
        return _reduced(P, Q, fitting)


def _units(
    model: InspectableGraph, outputs: Outputs, images: np.ndarray
) -> Iterator[tuple[str, np.ndarray]]:
    """The chosen layers' units (N,K,P,Q) on the CPU, by the layers' names."""
    with no_grad():
        for name, y in outputs({nn.INPUT: model.input_tensor(images)}):
            yield name, model.layout(name).planar(y.numpy())


class _LayerFeatures:
    """One layer's features, filled batch by batch."""

    def __init__(self, first: OfLayer, images: int) -> None:
        self.shape, self.kept = first.shape, first.kept
        self._rows = np.empty((images, first.rows.shape[1]), np.float32)
        self._used = 0

    @property
    def rows(self) -> np.ndarray:
        return self._rows[: self._used]

    def add(self, rows: np.ndarray) -> None:
        """Append a batch's (n,D)."""
        self._rows[self._used : self._used + len(rows)] = rows
        self._used += len(rows)


def _reduced(P: int, Q: int, places: float) -> tuple[int, int]:
    """The largest (p, q) of at most so many places, in the proportion of P to Q."""
    if places >= P * Q:
        return P, Q
    q = max(1, min(Q, int(places), int((places * Q / P) ** 0.5)))
    p = max(1, min(P, int(places / q)))
    return (min(p, q), q) if P == Q else (p, q)


def averaged(units: np.ndarray, kept: tuple[int, int]) -> np.ndarray:
    """Means over p x q cells: (N,K,P,Q) -> (N,K,p,q), dtype kept.

    Cell i of the rows covers rows floor(i P / p) up to ceil((i + 1) P / p), as in adaptive average
    pooling: cells share a row where p does not divide P. With p = P and q = Q nothing changes.
    """
    P, Q = units.shape[2:]
    if kept == (P, Q):
        return units
    down, across = _cells(P, kept[0], units.dtype), _cells(Q, kept[1], units.dtype)
    # (p,P) x (N,K,P,Q) x (Q,q) -> (N,K,p,q)
    return np.matmul(np.matmul(down, units), across.T)


def _cells(size: int, count: int, dtype: np.dtype) -> np.ndarray:
    """The matrix (count, size) of the cells' means."""
    cells = np.zeros((count, size), dtype)
    for i in range(count):
        first, end = i * size // count, -(-(i + 1) * size // count)
        cells[i, first:end] = 1 / (end - first)
    return cells
