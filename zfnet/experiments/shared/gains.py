"""Gains in accuracy, paired over folds, and the sentences that follow from their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from zfnet.experiments.shared.estimates import Estimate, estimate, sign


def gain(lower: Sequence[float], upper: Sequence[float]) -> Estimate:
    """The mean of `upper` minus `lower`, shares by fold, over the folds that both have.

    ValueError where they have no fold in common.
    """
    folds = min(len(lower), len(upper))
    return estimate(np.subtract(upper[:folds], lower[:folds]))


def points(found: Estimate) -> str:
    """A gain in per cent: "+3.2 points (95 % interval +1.0 to +5.4)"."""
    if found.interval is None:
        folds = "one fold" if found.count == 1 else "the same in every fold"
        return f"{_signed(found.mean)} points ({folds}, no interval)"
    low, high = found.interval
    return f"{_signed(found.mean)} points (95 % interval {_signed(low)} to {_signed(high)})"


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")


def sorted_by_sign(gains: Mapping[str, Estimate], above: str, below: str, unclear: str) -> str:
    """A sentence for the gains of each sign: "ABOVE with 15, +3.2 points (...); with 30, ..."."""
    sentences = []
    for wanted, opening in ((1, above), (-1, below), (0, unclear)):
        own = [f"{name}, {points(found)}" for name, found in gains.items() if sign(found) == wanted]
        if own:
            sentences.append(f"{opening} {'; '.join(own)}.")
    return " ".join(sentences)


def deviation(values: Sequence[float]) -> float:
    """The standard deviation over folds (of the sample, divided by n - 1); 0 of one fold."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def percent(values: Sequence[float]) -> str:
    """Mean and standard deviation of shares, in per cent: "71.3 ± 0.8"."""
    return f"{100 * float(np.mean(values)):.1f} ± {100 * deviation(values):.1f}"
