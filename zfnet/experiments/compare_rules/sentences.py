"""Sentences of the comparison's page: how each measure is read, and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zfnet.experiments.compare_rules.explained import BASELINES
from zfnet.experiments.compare_rules.setting import OF_SIDE, Setting
from zfnet.experiments.compare_rules.summary import (
    FALLS,
    IMAGE,
    LOWER,
    NETWORK,
    STAYS,
    Comparison,
    Which,
    against,
    undecided,
)
from zfnet.experiments.compare_rules.tables import written

NO_BOXES = (
    "None of these images has a box of its object, so the pointing game was not played; `--boxes` "
    "takes a folder of annotations."
)
PICTURES = (
    "Every method's map of the network's most probable class, as it was measured: one number a "
    "pixel. The last two know nothing of the network. Each map has its own scale, full colour at "
    "the 99.5th percentile of its absolute values."
)
AREAS = "The mean over the images and its 95 % interval; baselines that know no network are grey."
DIFFERENCES = (
    "Two methods are compared in the same images: the mean of the differences and its 95 % "
    "interval. “Better” or “worse” where the whole interval is on one side of zero."
)
CASCADE = (
    "From left to right more and more layers are random, from the scores down to the image; at the "
    "right all of them are. A line that stays up belongs to a method that shows the image."
)
ALONE = "Only the layer that stands below is random; all others keep what they learned."
VERDICTS = (
    "Likeness kept: 100 % if the map stays as it was; 0 % if it is no more like the trained "
    "network's map than that network's maps of two different images are like each other, “none” "
    "if it is less so. It is "
    "taken from the rank correlation of the absolute values. A method shows “the image” if its map "
    f"keeps {100 * STAYS:.0f} % and more with all layers random; “the lower layers” if it keeps "
    "that much with the upper half of them random, those that know the classes; “the network” if "
    f"it keeps less than {100 * STAYS:.0f} % there, and at most {100 * FALLS:.0f} % in the end; "
    "each time with its whole interval. Noise changes, too: the check can refute a method, and "
    "does not prove one. The last four columns are similarities to the trained network's maps with "
    "all layers random: rank correlation of the absolute values and of those with signs, SSIM, HOG."
)
OUTCOMES = {
    IMAGE: (
        "{} stays nearly as it was when all weights are random: it shows the image.",
        "{} stay nearly as they were when all weights are random: they show the image.",
    ),
    LOWER: (
        "{} hardly changes when the upper half of the layers is random: it shows the lower layers, "
        "and not what the network knows of the class.",
        "{} hardly change when the upper half of the layers is random: they show the lower layers, "
        "and not what the network knows of the class.",
    ),
    NETWORK: (
        "{} changes with the weights, as a picture of what was learned must.",
        "{} change with the weights, as pictures of what was learned must.",
    ),
}
"""Sentences about one method and about several."""
REPLACED = {
    "mean": "the mean colour that the network's preprocessing subtracts",
    "grey": "mid grey (128)",
    "black": "black",
    "blur": "the blurred image's",
}


def short(comparison: Comparison) -> str:
    """The outcome in a few sentences."""
    best, same = undecided(comparison, "deletion")
    fullest, equal = undecided(comparison, "insertion")
    said = (
        f"Deleting pixels lowers the probability of the class fastest in the order of "
        f"{_named(best, same)}; inserting them raises it fastest in the order of "
        f"{_named(fullest, equal)}."
    )
    if not comparison.checked(comparison.rules[0]):
        return said
    for shown, words in OUTCOMES.items():
        names = [name for name in comparison.rules if comparison.shows(name) == shown]
        if names:
            said += f" {words[len(names) > 1].format(_list(names))}"
    return said


def _named(best: str, same: Sequence[str]) -> str:
    first = f"the baseline `{best}`" if best in BASELINES else f"`{best}`"
    if not same:
        return first
    return f"{first} (which cannot be told from {_list(same)})"


def reading(comparison: Comparison) -> str:
    """How the table is read."""
    count = len(comparison.images)
    return (
        "In parentheses the 95 % interval over "
        + (f"the {count} images, by bootstrap. " if count > 1 else "images; one image has none. ")
        + "Deletion and insertion: the area under the curve, 0 to 1. Beside the methods stand "
        "three baselines that know no network: pixels in random order, an edge detector, and a "
        "Gaussian over the middle. A method that does not beat them says nothing about the network."
    )


def left_out(reasons: Mapping[str, str]) -> str:
    """A sentence about images that could not be read."""
    first = "; ".join(list(reasons.values())[:3])
    count = (
        "1 image could not be read and is"
        if len(reasons) == 1
        else (f"{len(reasons)} images could not be read and are")
    )
    return f"{count} left out: {first}."


def curves(setting: Setting) -> str:
    """What deletion and insertion are."""
    return (
        f"Pixels are taken in the order of the map, the largest first, in {setting.steps} steps "
        f"(Petsiuk et al. 2018). Deleted pixels become {REPLACED[setting.deleted]}: if the map "
        "names what the answer needs, the probability of the class falls early, and the area under "
        "the curve is small. Inserted pixels come into the blurred image: the probability rises "
        "early, and the area is large. A random order can win at deletion: it makes noise that no "
        "photograph has, and the probability falls for that, too (Hooker et al. 2019)."
    )


def ranking(comparison: Comparison, which: Which) -> str:
    """The best method of a curve, those that cannot be told from it, and the baselines."""
    best, same = undecided(comparison, which)
    value = written(comparison.area(best, which))
    size = "smallest" if which == "deletion" else "largest"
    said = f"{which.capitalize()}: `{best}` has the {size} area, {value}"
    said += f"; {_list(same)} cannot be told from it. " if same else ", and no other is as good. "
    good = -1 if which == "deletion" else 1
    for baseline, words in (("random", "a random order"), ("edges", "the edge detector")):
        beaten = [n for n, d in against(comparison, baseline, which).items() if d.sign == good]
        missed = [n for n in comparison.rules if n not in beaten]
        if not missed:
            said += f"All methods beat {words}. "
        elif not beaten:
            said += f"No method beats {words}. "
        else:
            said += f"Not shown to beat {words}: {_list(missed)}. "
    return said.rstrip()


def randomisation(comparison: Comparison, checked: int) -> str:
    """What the randomisation check is."""
    return (
        "A picture that explains what a network learned must change when that is taken away "
        f"(Adebayo et al. 2018). In {checked} of the images the weights of "
        f"{len(comparison.levels)} layers or blocks are replaced by random ones of the same mean "
        "and spread, from the scores down to the image, and the maps of the same class are "
        "compared with the trained network's."
    )


def pointing(comparison: Comparison, setting: Setting) -> str:
    """The pointing game, and its outcome."""
    first = comparison.pointing(comparison.rules[0])
    assert first is not None
    played = {name: comparison.pointing(name) for name in comparison.rules}
    above = [n for n, p in played.items() if p is not None and p.low > first.chance]
    rest = [n for n in comparison.rules if n not in above]
    said = (
        "The largest value of a map should lie on the object, or within "
        f"{setting.tolerance:g} pixels of an image of {OF_SIDE} (Zhang et al. 2018). In "
        f"{first.count} images the object's place is known; a random place hits in "
        f"{100 * first.chance:.0f} %. The class is the image's own where the network knows its "
        "name, else the most probable one. "
    )
    if above:
        said += f"Above chance: {_list(above)}. "
    if rest:
        said += f"Not told from chance, or below: {_list(rest)}. "
    centre = comparison.pointing("centre")
    if centre is not None:
        said += f"The middle of the image alone hits in {100 * centre.rate:.0f} %."
    return said


def _list(names: Sequence[str]) -> str:
    """ "`a`, `b` and `c`"."""
    each = [f"`{name}`" for name in names]
    return each[0] if len(each) == 1 else f"{', '.join(each[:-1])} and {each[-1]}"
