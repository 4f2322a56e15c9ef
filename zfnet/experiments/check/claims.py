"""Trends of `zfnet check`: one function for each claim of the paper, for one seed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from zfnet.experiments.check.energy import energy
from zfnet.experiments.check.measure import Case, Effort, Trend
from zfnet.experiments.correspondence.claims import tightness
from zfnet.experiments.correspondence.measure import Setting, correspondence
from zfnet.experiments.correspondence.regions import of_dataset
from zfnet.experiments.invariance.measure import draw, invariance, trends
from zfnet.experiments.layers.measure import score_layers, step
from zfnet.experiments.occlusion.images import last_layer
from zfnet.experiments.occlusion.measure import default_square
from zfnet.experiments.occlusion.pointing import pointing_game
from zfnet.experiments.shared.chosen_layers import chosen, top
from zfnet.experiments.shared.feature_bank import read_features
from zfnet.experiments.shared.folds import draw_fold
from zfnet.experiments.shared.results import Report
from zfnet.experiments.transfer.measure import Folds, Scores, score_pretrained, score_scratch

FACE = "face"
"""The class of scenes whose eyes and nose are occluded."""


def energy_on_objects(case: Case, effort: Effort, report: Report) -> dict[str, float]:
    """For each layer the energy on the object divided by that of a uniform spread, minus 1, and the
    same ratio minus the one for another image's object."""
    found = energy(case.network(), case.dataset, case.first(effort.images), report=report)
    above = {f"{layer} above an even spread": e.ratio - 1 for layer, e in found.items()}
    beyond = {f"{layer} above another object": e.ratio - e.control for layer, e in found.items()}
    return above | beyond


def pointing(case: Case, effort: Effort, report: Report) -> dict[str, float]:
    """The share of images whose minimum is on the object, minus chance."""
    network, indices = case.network(), case.first(effort.pointing)
    square, stride = default_square(network.preprocess.image_size)
    played = pointing_game(network, case.dataset, indices, square, stride, report=report)
    return {"hits above chance": played.share - played.chance}


def parts(case: Case, effort: Effort, report: Report) -> dict[str, float]:
    """Random places minus each part, in Delta and in Delta relative to chance."""
    network = case.network()
    marked, layer = of_dataset(case.dataset, FACE, network.preprocess), last_layer(network)
    found = correspondence(network, marked, Setting((layer,)), seed=case.seed, report=report)
    plain, relative = (tightness(found, layer, relative=r) for r in (False, True))
    return {part: gap.mean for part, gap in plain.items()} | {
        f"{part}, relative to chance": gap.mean for part, gap in relative.items()
    }


def invariant(case: Case, effort: Effort, report: Report) -> dict[str, float]:
    """Layer 1's relative distance minus layer 7's, for each sweep."""
    network = case.network()
    subjects = draw(network, case.dataset, effort.moved, case.seed)
    found = invariance(network, subjects, report=report)
    return {trend.sweep: trend.difference.mean for trend in trends(found)}


def transferred(case: Case, effort: Effort, report: Report) -> dict[str, float]:
    """Accuracy of pretrained features minus that of the same architecture from scratch.

    ValueError if the network was trained on images of this data set.
    """
    network, n = case.elsewhere(), effort.few
    if network.learned_from(case.dataset):
        raise ValueError(
            f"the network has learned from {network.data} itself, so that nothing is "
            "transferred to them; without a model the pretrained network is taken"
        )
    layer = top(network.model)
    bank = read_features(network, case.dataset, [layer], report=report)
    folds, scores = Folds.drawn(case.dataset, bank, (n,), 1, case.seed), Scores((n,))
    for _ in score_pretrained(folds, layer, scores, c=None, seed=case.seed, report=report):
        pass
    for _ in score_scratch(
        network, folds, scores, case.out, epochs=effort.epochs, seed=case.seed, report=report
    ):
        pass
    return {f"{n} images per class": scores.gains()[n].mean}


def separated(case: Case, effort: Effort, report: Report) -> dict[str, float]:
    """Gains in a linear SVM's accuracy: from the first layer to the last, and step by step."""
    network = case.network()
    named = chosen(network.model)
    bank = read_features(network, case.dataset, [*named.values()], report=report)
    fold = draw_fold(bank.labels, case.dataset.classes, effort.per_class, 0, case.seed)
    *_, scores = score_layers(bank, [fold], named, seed=case.seed, report=report)
    svm = [score for score in scores if score.kind == "svm"]
    pairs = [(svm[0], svm[-1]), *pairwise(svm)]
    return {f"layer {a.number} to {b.number}": step(a, b).gain.mean for a, b in pairs}


TRENDS = (
    Trend(
        "energy", "section 4", "The energy of projections lies on the object",
        "the energy on the object, {}, as a share of what an even spread would have,", "%",
        energy_on_objects,
        "The strongest unit of each layer in an image is projected to the pixels. The share of its "
        "squared values that lies on the object is compared with the share of the unit's field "
        "that the object covers, which an even spread would have there. Objects and projections "
        "both tend to the middle: so it is also compared with what lies on the place of another "
        "image's object.",
    ),
    Trend(
        "pointing", "Fig 7", "What hurts most when it is covered is the object",
        "the share of images, {},", "points", pointing,
        "A grey square slides over an image. Where the true class becomes least probable, the "
        "square's centre lies on the object or not; chance is the share of all places that do.",
    ),
    Trend(
        "correspondence", "Table 1", "Eyes and nose correspond more tightly than random places",
        "Delta of random places less that of the part ({})", "hundredths", parts,
        "A grey patch hides the same part of several faces, and Delta, at the last convolution, is "
        "the share of features that change in different directions. Relative to chance, which is "
        "our measure and not the paper's, Delta is divided by what it would be if the same signs "
        "stood at unrelated features.",
    ),
    Trend(
        "invariance", "Fig 5", "Layer 1 moves more than layer 7 under small transformations",
        "the difference of their movements ({})", "% of the distance between two images", invariant,
        "An image is shifted, enlarged and turned by the smallest steps of the paper's figure. How "
        "far the features of a layer move is taken as a share of the distance between those of two "
        "different images.",
    ),
    Trend(
        "transfer", "Tables 4 and 5", "Pretrained features beat training from scratch",
        "the difference in accuracy ({})", "points", transferred,
        "A softmax on the features of layer 7 of the pretrained network, or of the one that was "
        "given, against the same architecture trained from random weights on the same few images.",
    ),
    Trend(
        "layers", "Table 7", "Deeper layers separate the classes better",
        "the gain in accuracy ({})", "points", separated,
        "A linear support vector machine on the features of one layer; what it gains from the "
        "first layer to the last, and from each to the next.",
    ),
)  # fmt: skip

BY_BOXES = ("energy", "pointing")
"""Trends that need only a box around each object, so that photographs suffice."""


def choose(names: Sequence[str], *, scenes: bool) -> list[Trend]:
    """The trends of these names in order, all for none; on other images only BY_BOXES.

    ValueError for an unknown name.
    """
    known = {trend.name: trend for trend in TRENDS if scenes or trend.name in BY_BOXES}
    unknown = [name for name in names if name not in known]
    if unknown:
        on = "scenes" if scenes else "images with boxes alone"
        raise ValueError(f"no trend {', '.join(unknown)} on {on}; there are {', '.join(known)}")
    return [trend for name, trend in known.items() if not names or name in names]
