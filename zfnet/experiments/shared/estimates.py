"""Estimates over seeds: means with confidence intervals, and verdicts on claims."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import stats

Verdict = Literal["holds", "does not hold", "cannot be told"]
LEVEL = 0.95
ROUNDING = 1e-9
"""A spread of at most this share of the mean counts as rounding errors of no spread."""


@dataclass(frozen=True)
class Estimate:
    """A mean over `count` runs and half the width of its 95 % confidence interval.

    half: by Student's t with count - 1 degrees of freedom; None of a single run.
    """

    mean: float
    half: float | None
    count: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """Its ends; None for a single run, a NaN or no spread.

        Runs that agree to the last digit show that the measure is coarse, not that every other run
        would agree.
        """
        if self.half is None or not self.half > ROUNDING * abs(self.mean):
            return None
        return self.mean - self.half, self.mean + self.half

    def share_interval(self, whole: float = 1.0) -> tuple[float, float] | None:
        """The ends of the interval of a share of `whole`, which never leave 0 to `whole`.

        Wilson's interval, with the number of independent draws that would give the same standard
        error, and Student's quantile (Korn, Graubard 1998; Dean, Pagano 2015). None where there is
        no interval.
        """
        if self.half is None or self.interval is None:
            return None
        quantile = float(stats.t.ppf((1 + LEVEL) / 2, self.count - 1))
        share, error = self.mean / whole, self.half / quantile / whole
        draws = share * (1 - share) / error**2
        middle = (share + quantile**2 / (2 * draws)) / (1 + quantile**2 / draws)
        half = math.sqrt(share * (1 - share) / draws + quantile**2 / (4 * draws**2))
        half *= quantile / (1 + quantile**2 / draws)
        return whole * max(0.0, middle - half), whole * min(1.0, middle + half)

    def text(self, digits: int = 1, whole: float | None = None) -> str:
        """ "12.3 ± 0.4", or the mean alone of a single run.

        whole: of a share of it. Where ± would lead below 0 or above `whole`, the interval's ends
        stand instead: "1.2 (0.1 to 9.8)".
        """
        if self.half is not None and whole is not None:
            ends = self.share_interval(whole)
            if ends and not self.half <= self.mean <= whole - self.half:
                return f"{self.mean:.{digits}f} ({ends[0]:.{digits}f} to {ends[1]:.{digits}f})"
        spread = "" if self.half is None else f" ± {self.half:.{digits}f}"
        return f"{self.mean:.{digits}f}{spread}".replace("-", "−")


def estimate(values: Sequence[float] | np.ndarray) -> Estimate:
    """The mean of `values`, one for each run, and its interval; ValueError for no values."""
    count = len(values)
    if count == 0:
        raise ValueError("an estimate needs at least one run, got none")
    mean = float(np.mean(values))
    if count == 1:
        return Estimate(mean, None, 1)
    error = float(np.std(values, ddof=1)) / math.sqrt(count)
    return Estimate(mean, float(stats.t.ppf((1 + LEVEL) / 2, count - 1)) * error, count)


def sign(found: Estimate) -> int:
    """1 or -1 if the whole 95 % interval is above or below 0; else, or without an interval, 0."""
    low, high = found.interval or (0.0, 0.0)
    return int(low > 0) - int(high < 0)


def verdict(difference: Estimate) -> Verdict:
    """The verdict on a claim that predicts a difference above zero."""
    outcomes: dict[int, Verdict] = {1: "holds", -1: "does not hold", 0: "cannot be told"}
    return outcomes[sign(difference)]


@dataclass(frozen=True)
class Claim:
    """A statement of the paper, and differences, one for each seed, which it predicts above zero.

    text: a sentence without its full stop. what: the difference in words, within a sentence. unit:
    of the differences. each: what has one difference each.
    """

    text: str
    what: str
    differences: tuple[float, ...]
    unit: str = "points"
    each: str = "seed"

    @property
    def estimate(self) -> Estimate:
        return estimate(self.differences)

    @property
    def verdict(self) -> Verdict:
        """By the position of the mean difference's interval: above, below or around zero."""
        return verdict(self.estimate)

    def sentence(self) -> str:
        """The statement, the verdict and the numbers."""
        found = self.estimate
        over = f"over {found.count} {self.each}s" if found.count > 1 else f"with one {self.each}"
        number = f"{found.text(2)} {self.unit}".strip()
        return f"“{self.text}.” {self._outcome()}: {self.what} is {number} {over}."

    def _outcome(self) -> str:
        if len(self.differences) == 1:
            return f"One {self.each} cannot tell this from chance"
        if self.estimate.interval is None:
            return "These runs cannot tell, without a measurable spread there is no interval"
        if self.verdict == "cannot be told":
            return "These runs cannot tell, zero lies in the interval"
        return f"This {self.verdict} here"

    def as_json(self) -> dict[str, Any]:
        return {
            "claim": self.text,
            "difference": self.what,
            "unit": self.unit,
            f"by_{self.each}": self.differences,
            "mean": self.estimate.mean,
            "interval_half": self.estimate.half,
            "verdict": self.verdict,
        }
