"""Features of a whole data set at chosen layers, from one pass (paper, Tables 4 to 7).

A layer's features are its outputs after ReLU and, where it has them, pooling and normalisation.
They are one float32 array for each layer. Planes that exceed the allowed memory are averaged over
cells; the bank records the reduced sizes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from minidl import Tensor, nn, no_grad
from zfnet.data import Dataset, Loader, Loading
from zfnet.experiments.shared.results import Report, silent
from zfnet.inspectable import InspectableGraph
from zfnet.network import Network

MEMORY = 2048
"""Megabytes (1e6 bytes) of features, by default: those of Table 7 for all of Caltech-101."""


@dataclass(frozen=True, eq=False)
class FeatureBank:
    """Features of the n readable images of a data set.

    features: by layer (n,D) float32, maps first: D counts (k,p,q) in this order.
    shapes:   by layer its output's shape, (K,P,Q), or (K,) above the last pool.
    sides:    by layer the side p = q of the averaged planes; P where they are not averaged, and
              1 above the last pool.
    labels:   (n,) int64; indices: (n,) int64, positions in the data set, rising.
    bad:      the title of each image that could not be read, and the reason.
    """

    features: Mapping[str, np.ndarray]
    shapes: Mapping[str, tuple[int, ...]]
    sides: Mapping[str, int]
    labels: np.ndarray
    indices: np.ndarray
    bad: Mapping[str, str] = field(default_factory=dict)

    def described(self, layer: str) -> str:
        """ "256 × 6 × 6", or "96 × 10 × 10 of 96 × 55 × 55, averaged"."""
        whole = self.shapes[layer]
        kept = (whole[0], *(self.sides[layer],) * (len(whole) - 1))
        return _times(kept) if kept == whole else f"{_times(kept)} of {_times(whole)}, averaged"

    def left_out(self) -> str:
        """A sentence about unreadable images; empty if there are none."""
        if not self.bad:
            return ""
        title, reason = next(iter(self.bad.items()))
        return f"{len(self.bad)} images could not be read and are left out; `{title}`: {reason}."


def _times(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def layer_output(model: InspectableGraph, number: int) -> str:
    """The name of the output of layer `number` of the paper's seven: pool1 or norm1, ..., relu7.

    ValueError, with the existing layers, if the network has no such layer.
    """
    numbered = isinstance(model, nn.Sequential)
    names = [n for n, layer in model.children() if numbered and not isinstance(layer, nn.Dropout)]
    own = [name for name in names if name.endswith(str(number))]
    if not own:
        there = sorted({int(name[-1]) for name in names if name[-1].isdecimal()})
        raise ValueError(
            f"the network has no layer {number}, only {', '.join(map(str, there)) or 'named ones'}"
        )
    return own[-1]


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
    steps = _segments(network.model, layers)
    loader = Loader(dataset, network.preprocess, batch_size, Loading.in_order(workers=workers))
    network.model.eval()
    filled: dict[str, _LayerFeatures] = {}
    labels, indices = [], []
    for batch in loader.epoch(0):
        for name, activation in _outputs(steps, network.model.input_tensor(batch.images)):
            if name not in filled:
                share = memory * 1_000_000 // len(steps)
                filled[name] = _LayerFeatures(name, activation.shape[1:], len(dataset), share)
            filled[name].add(activation)
        labels.append(batch.labels)
        indices.append(batch.indices)
        done = min((batch.position + 1) * batch_size, len(dataset))
        report("reading features", done, len(dataset))
    return FeatureBank(
        {name: f.rows for name, f in filled.items()},
        {name: f.shape for name, f in filled.items()},
        {name: f.side for name, f in filled.items()},
        np.concatenate(labels),
        np.concatenate(indices),
        loader.bad,
    )


def _segments(model: InspectableGraph, layers: Sequence[str]) -> dict[str, nn.Sequential]:
    """The network in segments that end with `layers`, so that no other outputs are kept."""
    children = dict(model.children())
    unknown = [name for name in layers if name not in children]
    if unknown or not layers:
        raise ValueError(f"no layer {unknown or 'given'}; the layers are {', '.join(children)}")
    segments: dict[str, nn.Sequential] = {}
    part: dict[str, nn.Module] = {}
    for name, layer in children.items():
        part[name] = layer
        if name in layers:
            segments[name] = nn.Sequential(**part)
            part = {}
    return segments


def _outputs(segments: Mapping[str, nn.Sequential], x: Tensor) -> Iterator[tuple[str, np.ndarray]]:
    with no_grad():
        for name, segment in segments.items():
            x = segment(x)
            yield name, x.numpy()


class _LayerFeatures:
    """One layer's features, filled batch by batch."""

    def __init__(self, layer: str, shape: tuple[int, ...], images: int, share: int) -> None:
        maps, whole = shape[0], shape[1] if len(shape) > 1 else 1
        self.shape = shape
        # Of D = maps * side * side values of 4 bytes, for each image
        fitting = int((share / (4 * maps * images)) ** 0.5)
        self.side = min(whole, fitting)
        if self.side < 1:
            raise ValueError(
                f"{layer} of {images:,} images needs {4 * maps * images / 1e6:.0f} MB, its share "
                f"of the memory for features is {share / 1e6:.0f} MB: allow more (--memory), or "
                "ask for fewer layers or images"
            )
        self._rows = np.empty((images, maps * self.side**2), np.float32)
        self._used = 0

    @property
    def rows(self) -> np.ndarray:
        return self._rows[: self._used]

    def add(self, activation: np.ndarray) -> None:
        """Append a batch's (N,K,P,Q) or (N,K)."""
        N = len(activation)
        kept = averaged(activation, self.side) if activation.ndim == 4 else activation
        # (N,K,side,side) or (N,K) -> (N,D)
        self._rows[self._used : self._used + N] = kept.reshape(N, -1)
        self._used += N


def averaged(activation: np.ndarray, side: int) -> np.ndarray:
    """Means over side x side cells: (N,K,P,P) -> (N,K,side,side), dtype kept.

    Cell i covers rows floor(i P / side) up to ceil((i + 1) P / side), as in adaptive average
    pooling: cells share a row where side does not divide P. With side = P nothing changes.
    """
    P = activation.shape[-1]
    if side == P:
        return activation
    rows = np.zeros((side, P), activation.dtype)
    for i in range(side):
        first, end = i * P // side, -(-(i + 1) * P // side)
        rows[i, first:end] = 1 / (end - first)
    # (side,P) x (N,K,P,P) x (P,side) -> (N,K,side,side)
    return np.matmul(np.matmul(rows, activation), rows.T)
