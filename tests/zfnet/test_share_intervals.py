"""Intervals of shares, which never leave 0 to 1."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from zfnet.experiments.shared.estimates import Estimate, estimate

pytestmark = pytest.mark.quick


def test_an_interval_about_a_small_share_does_not_go_below_zero() -> None:
    found = estimate([0.001, 0.002, 0.03])
    assert found.interval is not None and found.interval[0] < 0
    low, high = found.share_interval() or (0.0, 0.0)
    assert 0 < low < found.mean < high < 1


def test_the_interval_mirrors_with_its_share() -> None:
    values = np.array([0.01, 0.05, 0.2, 0.03])
    low, high = estimate(values).share_interval() or (0.0, 0.0)
    mirrored = estimate(1 - values).share_interval() or (0.0, 0.0)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_with_the_standard_error_of_counts_it_is_wilsons() -> None:
    """k of n draws: the error of a share, and the normal quantile of very many runs."""
    hits, draws, runs = 7, 60, 10**7
    share = hits / draws
    error = np.sqrt(share * (1 - share) / draws)
    quantile = stats.t.ppf(0.975, runs - 1)
    found = Estimate(share, quantile * error, runs).share_interval()
    wilson = stats.binomtest(hits, draws).proportion_ci(0.95, "wilson")
    assert found == pytest.approx((wilson.low, wilson.high), rel=1e-5)


def test_far_from_the_ends_it_is_students_interval() -> None:
    found = estimate([0.501, 0.499, 0.502, 0.498])
    assert found.share_interval() == pytest.approx(found.interval, rel=1e-4)


def test_a_single_run_has_none() -> None:
    assert estimate([0.3]).share_interval() is None
    assert estimate([0.3, 0.3]).share_interval() is None


@pytest.mark.parametrize(
    ("values", "text"),
    [([1.0, 2.0, 30.0], "11.0 (0."), ([50.0, 52.0, 51.0], "51.0 ± 2.5"), ([3.0], "3.0")],
)
def test_a_share_in_per_cent_is_written_within_its_bounds(values: list[float], text: str) -> None:
    assert estimate(values).text(whole=100).startswith(text)
    assert "−" not in estimate(values).text(whole=100)
