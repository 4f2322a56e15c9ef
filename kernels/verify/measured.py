"""Largest error of comparisons, in units of their bounds.

`agree` measures every comparison that it makes within `measuring`; so a trial can say how near to
its bound a kernel came, and for which geometry.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

Shares = list[float]
_shares: ContextVar[Shares | None] = ContextVar("shares", default=None)


@contextmanager
def measuring() -> Iterator[Shares]:
    """The largest error of each comparison within it, in units of the bound: infinity for a NaN, or
    for any difference where none is allowed."""
    shares: Shares = []
    token = _shares.set(shares)
    try:
        yield shares
    finally:
        _shares.reset(token)


def measure(error: np.ndarray, bound: np.ndarray | float) -> None:
    """Adds the share of one comparison, if anybody measures."""
    shares = _shares.get()
    if shares is not None and error.size:
        shares.append(share_of(error, bound))


def share_of(error: np.ndarray, bound: np.ndarray | float) -> float:
    """The largest error in units of its bound; no error is 0 of any bound, NaN is infinite."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = np.where(error == 0, 0.0, error / bound)
    return float(np.where(np.isnan(share), np.inf, share).max(initial=0.0))
