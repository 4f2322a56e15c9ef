"""Verdict on Table 1's trend (paper, section 4.3).

The paper's claim: at layer 5 the eyes and the nose have a lower Delta than random places, so that
the network matches parts to some degree; at layer 7 the values are similar. With several sets of
images each difference has a 95 % confidence interval, by Student's t over the sets: within a set
the pairs share images and are not independent.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from zfnet.experiments.correspondence.measure import Correspondence, Delta
from zfnet.experiments.correspondence.regions import RANDOM
from zfnet.experiments.shared.estimates import Estimate, estimate, sign

PUBLISHED = {
    ("relu5", "right eye"): (0.067, 0.007),
    ("relu5", "left eye"): (0.069, 0.007),
    ("relu5", "nose"): (0.079, 0.017),
    ("relu5", RANDOM): (0.107, 0.017),
    ("relu7", "right eye"): (0.069, 0.015),
    ("relu7", "left eye"): (0.068, 0.013),
    ("relu7", "nose"): (0.069, 0.011),
    ("relu7", RANDOM): (0.073, 0.014),
}
"""Table 1: Delta, mean and standard deviation."""


def tightness(found: Correspondence, layer: str, *, relative: bool = False) -> dict[str, Estimate]:
    """Random places minus each part, in Delta or in Delta relative to chance."""
    random = _by_set(found.delta(layer, RANDOM), relative)
    return {
        part: estimate(random - _by_set(found.delta(layer, part), relative))
        for part in found.parts
    }  # fmt: skip


def gap(found: Correspondence, layer: str) -> np.ndarray:
    """(R,): Delta of random places minus the mean over the parts, by set."""
    parts = [found.delta(layer, part).by_set for part in found.parts]
    return found.delta(layer, RANDOM).by_set - np.mean(parts, axis=0)


def narrowing(found: Correspondence) -> Estimate:
    """The gap at the first layer minus the gap at the last one."""
    return estimate(gap(found, found.layers[0]) - gap(found, found.layers[-1]))


def verdict(differences: Iterable[Estimate]) -> str:
    """The verdict on the claim that all of the differences are above zero."""
    found = list(differences)
    signs = [sign(difference) for difference in found]
    if min(signs) > 0:
        return "holds"
    if min(signs) < 0:
        return "does not hold"
    alone = any(difference.half is None for difference in found)
    return f"cannot be told from {'one set of images' if alone else 'no difference'}"


def interval(found: Estimate) -> tuple[float, float]:
    """The ends of a 95 % interval; the mean twice where there is no interval."""
    half = found.half or 0.0
    return found.mean - half, found.mean + half


def sentences(found: Correspondence) -> list[str]:
    """The paper's claims about Table 1, each with the verdict of these numbers."""
    said = [_tighter(found, found.layers[0])]
    if len(found.layers) > 1:
        said.append(_narrower(found))
    return said + [_tighter_than_chance(found, layer) for layer in found.layers]


def _tighter(found: Correspondence, layer: str) -> str:
    above = tightness(found, layer)
    return (
        f"Parts are tighter than random places at `{layer}`: this {verdict(above.values())}. Delta "
        f"of random places lies above that of {_listed(above)}."
    )


def _narrower(found: Correspondence) -> str:
    first, last = found.layers[0], found.layers[-1]
    less = narrowing(found)
    return (
        f"The difference is smaller at `{last}` than at `{first}`: this {verdict([less])}. It is "
        f"{gap(found, first).mean():+.4f} at `{first}` and {gap(found, last).mean():+.4f} at "
        f"`{last}`, smaller by {_signed(less)}."
    )


def _tighter_than_chance(found: Correspondence, layer: str) -> str:
    above = tightness(found, layer, relative=True)
    return (
        f"Relative to chance, parts are tighter than random places at `{layer}`: this "
        f"{verdict(above.values())}. Random places lie above {_listed(above)}."
    )


def _by_set(delta: Delta, relative: bool) -> np.ndarray:
    return delta.relative_by_set if relative else delta.by_set


def _listed(differences: dict[str, Estimate]) -> str:
    return "; ".join(f"the {part} by {_signed(d)}" for part, d in differences.items())


def _signed(found: Estimate) -> str:
    """ "+0.0123 (95 % interval +0.0100 to +0.0146)"."""
    low, high = interval(found)
    spread = "" if found.half is None else f" (95 % interval {low:+.4f} to {high:+.4f})"
    return f"{found.mean:+.4f}{spread}"
