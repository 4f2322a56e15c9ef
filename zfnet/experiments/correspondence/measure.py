"""Correspondence of object parts by Delta (paper, section 4.3, Fig 8, Table 1).

The same part is occluded by a grey patch in several images of a class. The change of image i's
features is eps_i = x_i - x~_i. If the network matches the part, the features of all images change
in the same way. Delta measures by how much the signs of the changes differ,

    Delta = sum over i != j of H(sign(eps_i), sign(eps_j)),   sign(0) = 0,

where H is the Hamming distance divided by the number of elements. As in the paper's table, it is
given as the mean over the pairs with their standard deviation. Patches at random places, different
in each image, are the comparison.

Delta also depends on the number of features that change: a patch on a plain background changes few
features, and features that change in neither image agree. Each distance is therefore accompanied by
its expectation for independent signs, 1 - sum over s of p_i(s) p_j(s), where p(s) is the share of
the sign s. Delta divided by that is 1 where the changes of two images are unrelated. This second
measure is ours, not the paper's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.distance import pdist

from minidl import no_grad
from zfnet.experiments.correspondence.hidden_parts import Subject, hide, place_patches
from zfnet.experiments.correspondence.regions import RANDOM, Marked
from zfnet.experiments.shared.results import Report, silent
from zfnet.network import Network

IMAGES, REPEATS, PLACES = 5, 10, 5
"""Images of a set (as in the paper), the largest number of sets, random places of an image."""


@dataclass(frozen=True)
class Setting:
    """Layers, patches and sets of images.

    layers:  whose features, by name; none: the last spatial layer and the top features.
    size:    side of the patch in pixels of the network's input. The paper does not give its own;
             None is a seventh of the side, as Fig 7's square of 32 pixels here for 224.
    places:  random places of each image.
    images:  of a set; None: five, or as many as there are.
    repeats: disjoint sets; None: as many as the images allow, at most ten.
    """

    layers: tuple[str, ...] = ()
    size: int | None = None
    places: int = PLACES
    images: int | None = None
    repeats: int | None = None

    def of(self, network: Network) -> Setting:
        """The setting with the default layers' names, if none were given."""
        model = network.model
        return replace(self, layers=self.layers or (model.last_spatial_layer, model.top_features))

    def side(self, network: Network) -> int:
        """The patch's side in pixels."""
        return max(1, round(network.preprocess.image_size / 7)) if self.size is None else self.size


@dataclass(frozen=True, eq=False)
class Delta:
    """Table 1's entry for a layer and a part.

    distances: (R,M), the share of elements that differ in sign, for M pairs of each of R sets.
    chances:   (R,M), the expected shares for independent signs.
    """

    layer: str
    part: str
    distances: np.ndarray
    chances: np.ndarray

    @property
    def mean(self) -> float:
        return float(self.distances.mean())

    @property
    def std(self) -> float:
        """The standard deviation over the pairs."""
        return float(self.distances.std())

    @property
    def by_set(self) -> np.ndarray:
        """(R,M) -> (R,): the mean of each set."""
        return self.distances.mean(axis=1)

    @property
    def relative_by_set(self) -> np.ndarray:
        """(R,M) -> (R,): the mean of each set divided by its expected value; 1 if that is 0."""
        chances = self.chances.mean(axis=1)
        return np.divide(self.by_set, chances, out=np.ones_like(chances), where=chances > 0)


@dataclass(frozen=True, eq=False)
class Correspondence:
    """The result: a Delta for each layer and part, and the images of the first set.

    images, repeats: images of a set, and number of sets.
    size:            side in pixels of the patch over a part that has no size of its own.
    random_sides:    by image, the side in pixels of its patches at random places.
    """

    deltas: list[Delta]
    shown: list[Subject]
    images: int
    repeats: int
    size: int
    random_sides: dict[str, int]

    def delta(self, layer: str, part: str) -> Delta:
        return next(d for d in self.deltas if (d.layer, d.part) == (layer, part))

    @property
    def layers(self) -> list[str]:
        return list(dict.fromkeys(d.layer for d in self.deltas))

    @property
    def parts(self) -> list[str]:
        """The parts' names, without `random`."""
        return [name for name in dict.fromkeys(d.part for d in self.deltas) if name != RANDOM]


def correspondence(
    network: Network,
    images: Sequence[Marked],
    setting: Setting,
    *,
    seed: int = 0,
    report: Report = silent,
) -> Correspondence:
    """Delta at each layer for each part of `images` and for random places (paper, section 4.3).

    `seed` draws which images make a set and where the random places are. ValueError for a layer
    that does not exist, fewer images than are asked for (two at least), or a patch that does not
    fit or leaves no room for random places.
    """
    setting = setting.of(network)
    _check(network, setting)
    rng, side = np.random.default_rng(seed), setting.side(network)
    sets = draw_sets(len(images), setting, rng)
    shown: list[Subject] = []
    sides: dict[str, int] = {}
    found: list[dict[tuple[str, str], Pairs]] = []
    for number, indices in enumerate(sets, start=1):
        subjects = [
            place_patches(network.preprocess, images[i], side, setting.places, rng) for i in indices
        ]
        shown = shown or subjects
        sides |= {subject.title: subject.random_side for subject in subjects}
        found.append(compare(network, subjects, setting.layers))
        report("hidden parts", number, len(sets))
    deltas = [Delta(*key, *_stacked([one[key] for one in found])) for key in found[0]]
    return Correspondence(deltas, shown, sets.shape[1], len(sets), side, sides)


def draw_sets(available: int, setting: Setting, rng: np.random.Generator) -> np.ndarray:
    """(R,N) different positions for R sets of N images, drawn from `available` ones."""
    N = min(IMAGES, available) if setting.images is None else setting.images
    if not 2 <= N <= available:
        raise ValueError(
            f"{available} images have all of their parts where the network sees them, sets of "
            f"{max(N, 2)} are wanted; 2 images are the fewest that can be compared"
        )
    most = available // N
    R = min(REPEATS, most) if setting.repeats is None else setting.repeats
    if not 1 <= R <= most:
        raise ValueError(
            f"{available} images do not make {R} sets of {N} without a common one: 1 to {most} do"
        )
    return rng.permutation(available)[: R * N].reshape(R, N)  # (RN,) -> (R,N)


Pairs = tuple[np.ndarray, np.ndarray]
"""For all pairs of images, (M,) each: distance of the signs, and its expectation."""


def compare(
    network: Network, subjects: Sequence[Subject], layers: Sequence[str]
) -> dict[tuple[str, str], Pairs]:
    """(layer, part) -> the pairs of one set of images; for `random` the pairs of all places."""
    clear = _features(network, [s.x for s in subjects], layers)
    found: dict[tuple[str, str], list[Pairs]] = {}
    for part, boxes in subjects[0].patches.items():
        for k in range(len(boxes)):
            # As many images as before, hence the same kernels: unaffected features are equal.
            hidden = [hide(network.preprocess, s.x, s.patches[part][k]) for s in subjects]
            after = _features(network, hidden, layers)
            for layer in layers:
                pairs = sign_distances(clear[layer] - after[layer])
                found.setdefault((layer, part), []).append(pairs)
    return {key: _joined(places) for key, places in found.items()}


def sign_distances(eps: np.ndarray) -> Pairs:
    """Changes (N,D) of N images -> Hamming distances and their expectations, (M,) each."""
    signs = np.sign(eps)
    shares = np.stack([(signs == s).mean(axis=1) for s in (-1, 0, 1)], axis=1)
    alike = shares @ shares.T  # (N,3) x (3,N) -> (N,N)
    return pdist(signs, "hamming"), 1 - alike[np.triu_indices(len(eps), 1)]  # -> (M,)


def _joined(places: Sequence[Pairs]) -> Pairs:
    distances, chances = zip(*places, strict=True)
    return np.concatenate(distances), np.concatenate(chances)


def _stacked(sets: Sequence[Pairs]) -> Pairs:
    """R times (M,) -> (R,M), for both."""
    distances, chances = zip(*sets, strict=True)
    return np.stack(distances), np.stack(chances)


def _features(
    network: Network, images: Sequence[np.ndarray], layers: Sequence[str]
) -> dict[str, np.ndarray]:
    """Each layer's activations of N images (3,S,S) as (N,D)."""
    names = [name for name, _ in network.model.children()]
    network.model.eval()
    with no_grad():
        last = max(layers, key=names.index)
        found = network.model.activations(network.model.input_tensor(np.stack(images)), until=last)
    return {la: found[la].numpy().reshape(len(images), -1) for la in layers}  # (N,...) -> (N,D)


def _check(network: Network, setting: Setting) -> None:
    names = [name for name, _ in network.model.children()]
    unknown = [layer for layer in setting.layers if layer not in names]
    if unknown or not setting.layers:
        wrong = ", ".join(unknown) or "is given"
        raise ValueError(f"no layer {wrong}; the layers are {', '.join(names)}")
    S, side = network.preprocess.image_size, setting.side(network)
    if not 1 <= side <= S:
        raise ValueError(f"a patch of {side} pixels does not fit an image of {S}x{S}: 1 to {S} do")
    if setting.places < 1:
        raise ValueError(f"{setting.places} random places: at least 1 is needed to compare with")
