"""Distances of features under transformations of the image (paper, section 4, Fig 5).

The distance is Euclidean, between a layer's features of the transformed and of the original image.
Layers differ in the number and the scale of their units. A relative distance is therefore divided
by the mean distance between the features of two different images.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from minidl import functional as F
from minidl import no_grad
from zfnet.data import BadImage, Dataset
from zfnet.experiments.invariance.transforms import Sweep, Transform, sweeps, transformed
from zfnet.experiments.shared.estimates import Estimate, Verdict, estimate, verdict
from zfnet.experiments.shared.labels import true_label
from zfnet.experiments.shared.results import Report, silent
from zfnet.network import Network


@dataclass(frozen=True, eq=False)
class Subject:
    """An image to transform, (H,W,3) uint8, and the network's number of its class, if known."""

    title: str
    pixels: np.ndarray
    label: int | None = None


def draw(network: Network, dataset: Dataset, count: int, seed: int) -> list[Subject]:
    """`count` images of a data set, or all readable ones where there are fewer.

    The order is drawn from `seed`, so that the first ones do not depend on the count.
    """
    drawn: list[Subject] = []
    for index in np.random.default_rng(seed).permutation(len(dataset)).tolist():
        if len(drawn) == count:
            break
        with suppress(BadImage):
            pixels = dataset.image(index)
            label = true_label(network, dataset, index)
            drawn.append(Subject(dataset.title(index), pixels, label))
    return drawn


@dataclass(frozen=True, eq=False)
class Invariance:
    """Distances of features and probabilities of N images in each sweep of T values.

    classes:       for each image the class of the probabilities: the true one or, where that is not
                   known, the most probable one of the original image.
    distances:     layer -> sweep's name -> (N,T), Euclidean, to the original image's features.
    probabilities: sweep's name -> (N,T).
    between:       layer -> mean distance between the features of two different images.
    """

    sweeps: tuple[Sweep, ...]
    subjects: Sequence[Subject]
    classes: list[str]
    distances: dict[str, dict[str, np.ndarray]]
    probabilities: dict[str, np.ndarray]
    between: dict[str, float]

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(self.distances)

    def relative(self, layer: str, sweep: Sweep) -> np.ndarray:
        """Distances (N,T) divided by the mean distance between two different images."""
        return self.distances[layer][sweep.name] / self.between[layer]


def invariance(
    network: Network,
    subjects: Sequence[Subject],
    *,
    layers: Sequence[str] = (),
    batch_size: int = 32,
    report: Report = silent,
) -> Invariance:
    """Fig 5 for N images: distances of all activations of each of the layers.

    layers: two or more; by default the first and the top features (the paper's layers 1 and 7, here
    after their ReLUs).
    ValueError for a layer that does not exist, fewer than two layers or images, or a layer that
    gives all images the same features: nothing to compare its distances with.
    """
    layers = layers or (network.model.first_features, network.model.top_features)
    _check(network, subjects, layers)
    between = _between(network, subjects, layers)
    rows = sweeps(network.preprocess.image_size)
    # The original image is a value of every sweep: computed once, at a distance of exactly zero.
    unique = list(dict.fromkeys([Transform(), *(t for row in rows for t in row.transforms)]))
    moved: dict[str, list[np.ndarray]] = {layer: [] for layer in layers}
    classes, probabilities = [], []
    for subject in subjects:
        x = transformed(network.preprocess, subject.pixels, unique)
        lengths, p = _distances(network, x, layers, batch_size)
        for layer in layers:
            moved[layer].append(lengths[layer])
        label = int(p[0].argmax()) if subject.label is None else subject.label
        classes.append(network.classes[label])
        probabilities.append(p[:, label])
        report("transformed images", len(classes), len(subjects))

    def by_sweep(values: list[np.ndarray]) -> dict[str, np.ndarray]:
        stacked = np.stack(values)  # (N, unique transforms)
        return {row.name: stacked[:, [unique.index(t) for t in row.transforms]] for row in rows}

    distances = {layer: by_sweep(moved[layer]) for layer in layers}
    return Invariance(rows, subjects, classes, distances, by_sweep(probabilities), between)


def _check(network: Network, subjects: Sequence[Subject], layers: Sequence[str]) -> None:
    network.require_scores("the probability of the true class")
    names = [name for name, _ in network.model.children()]
    if not set(layers) <= set(names) or not 2 <= len(set(layers)) == len(layers):
        raise ValueError(
            f"the layers {', '.join(layers)} cannot be compared: give two or more different ones "
            f"of {', '.join(names)}"
        )
    if len(subjects) < 2:
        raise ValueError(
            f"{len(subjects)} image(s) that can be read: two or more are needed, for how far a "
            "transformed image moves is compared with how far different images are apart"
        )


def _between(
    network: Network, subjects: Sequence[Subject], layers: Sequence[str]
) -> dict[str, float]:
    """The mean Euclidean distance over all pairs of original images, by layer."""
    inputs = (transformed(network.preprocess, s.pixels, [Transform()]) for s in subjects)
    originals = [_features(network, x, layers)[0] for x in inputs]
    means = {}
    for layer in layers:
        pairs = combinations([features[layer] for features in originals], 2)
        means[layer] = float(np.mean([_lengths(a - b) for a, b in pairs]))
        if not means[layer] > 0:
            raise ValueError(
                f"{layer} gives all {len(originals)} images the same features: there is nothing to "
                "compare its distances with; choose other --layers, or a trained network"
            )
    return means


def _distances(
    network: Network, x: np.ndarray, layers: Sequence[str], batch_size: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """For x (T,3,S,S): by layer the distances (T,) to the features of x[0]; probabilities (T,C)."""
    first: dict[str, np.ndarray] = {}
    distances: dict[str, list[np.ndarray]] = {layer: [] for layer in layers}
    probabilities = []
    for start in range(0, len(x), batch_size):
        features, p = _features(network, x[start : start + batch_size], layers)
        probabilities.append(p)
        for layer, rows in features.items():
            reference = first.setdefault(layer, rows[:1].copy())
            distances[layer].append(_lengths(rows - reference))
    joined = {layer: np.concatenate(parts) for layer, parts in distances.items()}
    return joined, np.concatenate(probabilities)


def _features(
    network: Network, x: np.ndarray, layers: Sequence[str]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """All activations of each layer, (N,D), and the probabilities, (N,C)."""
    network.model.eval()
    with no_grad():
        activations = network.model.activations(network.model.input_tensor(x))
        probabilities = F.softmax(activations[network.model.scores]).numpy()
    # (N,K,P,Q) or (N,D) -> (N,D)
    return {name: activations[name].numpy().reshape(len(x), -1) for name in layers}, probabilities


def _lengths(rows: np.ndarray) -> np.ndarray:
    """Euclidean lengths of rows (N,D), summed in float64: (N,)."""
    return np.sqrt(np.square(rows).sum(axis=1, dtype=np.float64))


@dataclass(frozen=True)
class Trend:
    """The paper's claim for the smallest transformations of a sweep: "a dramatic effect in the
    first layer of the model, but a lesser impact at the top feature layer" (section 4).

    lower, upper: relative distances of the two layers;
    difference:   lower minus upper, image by image.
    """

    sweep: str
    unit: str
    values: tuple[float, ...]
    layers: tuple[str, str]
    lower: Estimate
    upper: Estimate
    difference: Estimate

    @property
    def verdict(self) -> Verdict:
        """By the interval of the difference; "cannot be told" where 0 lies in it."""
        return verdict(self.difference)


def trends(found: Invariance) -> list[Trend]:
    """The claim that the first layer moves more than the last one, for each sweep."""
    lower, upper = found.layers[0], found.layers[-1]
    return [_trend(found, sweep, lower, upper) for sweep in found.sweeps]


def _trend(found: Invariance, sweep: Sweep, lower: str, upper: str) -> Trend:
    at = [sweep.values.index(value) for value in sweep.small]
    a, b = (found.relative(layer, sweep)[:, at].mean(axis=1) for layer in (lower, upper))
    return Trend(
        sweep.name, sweep.unit, sweep.small, (lower, upper), estimate(a), estimate(b),
        estimate(a - b),
    )  # fmt: skip
