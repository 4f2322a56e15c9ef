"""The parts of the paper: its figures and tables, their claims, and verdicts from the numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zfnet.experiments.shared.estimates import Estimate, Verdict, verdict
from zfnet.experiments.shared.gains import gain

Numbers = Mapping[str, Any]
"""The content of an experiment's NAME.json."""


@dataclass(frozen=True)
class Part:
    """An experiment of the paper.

    name:    of its folder, and in --only. command: runs it, and writes command.json.
    where:   the figure or table. claim: the paper's claim, a sentence.
    judge:   its numbers -> a verdict for each statement; none where only pictures can show it.
    """

    name: str
    command: str
    where: str
    claim: str
    judge: Callable[[Numbers], list[Verdict]]


def _nothing(numbers: Numbers) -> list[Verdict]:
    return []


def _claims(numbers: Numbers) -> list[Verdict]:
    return [claim["verdict"] for claim in numbers["claims"]]


def _pointing(numbers: Numbers) -> list[Verdict]:
    """The game's interval against chance."""
    played = numbers["pointing"]
    if played is None:
        return []
    low, high = played["interval"]
    if low <= played["chance"] <= high:
        return ["cannot be told"]
    return ["holds" if low > played["chance"] else "does not hold"]


def _tighter(numbers: Numbers) -> list[Verdict]:
    """Of every part at the first layer, by the published Delta."""
    first = next(iter(numbers["tighter"].values()))
    return [verdict(Estimate(**difference)) for difference in first.values()]


def _gains(numbers: Numbers) -> list[Verdict]:
    """By images per class; data that the network was trained on decide nothing."""
    if numbers["seen_before"]:
        return ["cannot be told"] * len(numbers["gains"])
    return [verdict(Estimate(**found)) for found in numbers["gains"].values()]


def _above_random(numbers: Numbers) -> list[Verdict]:
    """Average precision over the classes, against a random order's."""
    classes = numbers["classes"]
    return [verdict(gain([c["share"] for c in classes], [c["precision"] for c in classes]))]


def _deepest(numbers: Numbers) -> list[Verdict]:
    """The SVM's gain from the first layer to the last."""
    svm = [score["accuracies"] for score in numbers["scores"] if score["kind"] == "svm"]
    return [verdict(gain(svm[0], svm[-1]))]


PRETRAINED = "Features learned on one data set beat training from scratch on another."
PARTS = (
    Part("features", "features", "Fig 2", "Each map looks for one thing, the more complex the "
         "higher its layer, and ignores how it varies.", _nothing),
    Part("evolution", "evolution", "Fig 4", "Lower layers settle within a few epochs, upper ones "
         "after many.", lambda numbers: [numbers["trend"]["verdict"]]),
    Part("invariance", "invariance", "Fig 5", "Small transformations move the first layer more "
         "than the seventh.", lambda numbers: [one["verdict"] for one in numbers["trends"]]),
    Part("first-layer", "first-layer", "Fig 6", "Renormalised, smaller filters at a smaller stride "
         "leave fewer dead, none that dominates, and less aliasing.", _claims),
    Part("occlusion", "occlusion", "Fig 7", "The network goes by the object, not by what lies "
         "about it.", _pointing),
    Part("correspondence", "correspondence", "Fig 8, Table 1", "At layer 5 hiding an eye or the "
         "nose changes features more alike than hiding random places.", _tighter),
    Part("ablation", "ablation", "Tables 2, 3", "Depth matters, not one layer; ZFNet beats "
         "AlexNet; averaged networks beat one.", _claims),
    Part("transfer", "transfer", "Tables 4, 5, Fig 9", PRETRAINED, _gains),
    Part("caltech101", "transfer", "Table 4", PRETRAINED, _gains),
    Part("caltech256", "transfer", "Table 5, Fig 9", PRETRAINED, _gains),
    Part("voc2012", "transfer", "Table 6", "The same features tell the classes of VOC.",
         _above_random),
    Part("layers", "layers", "Table 7", "Deeper layers separate the classes better.", _deepest),
)  # fmt: skip
"""In the paper's order."""


def choose(names: Sequence[str]) -> list[Part]:
    """The parts of these names in the paper's order, all for none; ValueError for another."""
    known_names = [part.name for part in PARTS]
    unknown = [name for name in names if name not in known_names]
    if unknown:
        raise ValueError(f"no part {', '.join(unknown)}; there are {', '.join(known_names)}")
    return [part for part in PARTS if not names or part.name in names]
