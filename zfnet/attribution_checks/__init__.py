"""Checks of attributions, of any library, on arrays.

    from zfnet.attribution_checks import deletion_curve, insertion_curve
    from zfnet.attribution_checks import pointing_game, randomisation_check

    score = lambda images: network.probabilities(images)[:, label]     # (N,C,H,W) -> (N,)
    deletion_curve(score, image, attribution).area                     # small is good
    insertion_curve(score, image, attribution).area                    # large is good
    randomisation_check(maps, {"fc8": maps_behind_random_fc8}).mean("absolute")
    pointing_game(maps, objects, tolerance=15).rate

They need NumPy and SciPy alone; `random_weights` replaces the weights of a network of ours.
"""

from __future__ import annotations

from zfnet.attribution_checks.curves import Curve, blurred, deletion_curve, insertion_curve
from zfnet.attribution_checks.maps import centre, edges, random_map
from zfnet.attribution_checks.pointing import PointingGame, pointing_game
from zfnet.attribution_checks.random_weights import levels, random_weights
from zfnet.attribution_checks.randomisation import RandomisationCheck, randomisation_check
from zfnet.attribution_checks.similarity import Similarity, similarity

__all__ = [
    "Curve",
    "PointingGame",
    "RandomisationCheck",
    "Similarity",
    "blurred",
    "centre",
    "deletion_curve",
    "edges",
    "insertion_curve",
    "levels",
    "pointing_game",
    "random_map",
    "random_weights",
    "randomisation_check",
    "similarity",
]
