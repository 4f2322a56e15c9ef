"""Convergence of layers during training, as numbers (paper, section 4, Fig 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from zfnet.experiments.evolution.measure import Snapshot, TopActivation
from zfnet.experiments.shared.estimates import LEVEL, Estimate, Verdict, verdict


def changed(before: Snapshot, after: Snapshot, layer: str) -> float | None:
    """The share of a layer's maps whose strongest image has changed, among the maps that are active
    at both epochs; None if there are none."""
    a, b = before.strongest[layer], after.strongest[layer]
    alive = (a.values[:, 0] > 0) & (b.values[:, 0] > 0)
    jumps = a.images[alive, 0] != b.images[alive, 0]
    return float(jumps.mean()) if len(jumps) else None


def dead(snapshot: Snapshot, layer: str) -> int:
    """The number of a layer's maps that are active in no image."""
    return int((snapshot.strongest[layer].values[:, 0] <= 0).sum())


def similarity(a: TopActivation | None, b: TopActivation | None) -> float:
    """The cosine of two projections in the frames of their receptive fields; 0 for a dead map."""
    if a is None or b is None:
        return 0.0
    x, y = (top.pattern().astype(np.float64).ravel() for top in (a, b))
    lengths = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / lengths if lengths > 0 else 0.0


def likeness(snapshots: Sequence[Snapshot], layer: str) -> np.ndarray:
    """The similarity of each map's projections with that of the last kept epoch: (maps, epochs).

    Maps that are dead at the last epoch are left out.
    """
    last = snapshots[-1].top_activations[layer]
    return np.array(
        [
            [similarity(snapshot.top_activations[layer][map], final) for snapshot in snapshots]
            for map, final in last.items()
            if final is not None
        ]
    ).reshape(-1, len(snapshots))  # () -> (0, epochs), where all are dead


@dataclass(frozen=True)
class Trend:
    """The paper's claim: lower layers converge within a few epochs, upper layers develop only
    after many (section 4, Fig 4).

    The measure for a map is the mean similarity of its projections at the earlier kept epochs with
    that at the last one. lower, upper: its means over two layers' maps, None where no map is active
    at the last epoch or there is no earlier epoch. difference: lower minus upper, with Welch's
    interval over maps, None for a single layer or fewer than two such maps in either.
    """

    layers: tuple[str, str]
    lower: float | None
    upper: float | None
    difference: Estimate | None

    @property
    def verdict(self) -> Verdict:
        """By the interval of the difference; "cannot be told" where 0 lies in it."""
        return verdict(self.difference) if self.difference else "cannot be told"


def trend(snapshots: Sequence[Snapshot]) -> Trend:
    """The trend between the first and the last of the layers."""
    layers = list(snapshots[-1].top_activations)
    lower, upper = layers[0], layers[-1]
    a, b = (_settled(snapshots, layer) for layer in (lower, upper))
    means = [float(part.mean()) if len(part) else None for part in (a, b)]
    difference = _difference(a, b) if lower != upper else None
    return Trend((lower, upper), means[0], means[1], difference)


def sentence(claim: Trend) -> str:
    """The measurement of the paper's claim, and the verdict."""
    if claim.difference is None:
        return (
            "Whether lower layers settle before upper ones cannot be told from this: it takes two "
            "layers, two kept epochs, and in each layer two maps that are active at the last one."
        )
    lower, upper = claim.layers
    return (
        f"Before the last kept epoch projections of `{lower}` have a mean cosine of "
        f"{claim.lower:.2f} with those at that epoch, those of `{upper}` one of {claim.upper:.2f}; "
        f"the difference is {claim.difference.text(2)} (95 % interval over "
        f"{claim.difference.count} maps). That lower layers settle earlier {claim.verdict} here."
    )


def _settled(snapshots: Sequence[Snapshot], layer: str) -> np.ndarray:
    """The mean similarity of each map at the earlier epochs, (maps,); (0,) without such epochs."""
    earlier = likeness(snapshots, layer)[:, :-1]
    return earlier.mean(axis=1) if earlier.size else np.empty(0)


def _difference(a: np.ndarray, b: np.ndarray) -> Estimate | None:
    """The difference of two means and half of Welch's interval; None for fewer than two of each."""
    if min(len(a), len(b)) < 2:
        return None
    interval = stats.ttest_ind(a, b, equal_var=False).confidence_interval(LEVEL)
    half = float(interval.high - interval.low) / 2
    return Estimate(float(a.mean() - b.mean()), half, len(a) + len(b))
