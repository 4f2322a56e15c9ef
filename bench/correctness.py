"""Correctness check before timing: each result against the definition, within an error bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.cases import Case, Contender
from bench.operations import Part, of
from kernels.definition.precisions import lower_precision

Results = Sequence[np.ndarray]


@dataclass(frozen=True)
class Verdict:
    """A result's error as a share of its bound (None if not finite), and a message if wrong."""

    share: float | None
    message: str = ""


def judge(case: Case, results: Mapping[Contender, Results]) -> dict[Contender, Verdict]:
    """A verdict on each contender's results."""
    verdicts = {c: _misshapen(case, found) for c, found in results.items()}
    right = [c for c, verdict in verdicts.items() if not verdict.message]
    for tf32 in sorted({c.tf32 for c in right}):
        for part in of(case).parts(case, tf32):
            for c in (c for c in right if c.tf32 == tf32):
                verdicts[c] = _worse(verdicts[c], _of_part(part, c, results[c]))
    return verdicts


def _of_part(part: Part, contender: Contender, results: Results) -> Verdict:
    try:
        bound = np.asarray(part.bound(contender))
    except Exception as error:
        return Verdict(None, f"unjudged: {type(error).__name__}: {error}")
    result = np.asarray(results[part.output][part.where])
    verdict = compare(result, part.expected, bound, part.as_norm)
    if not verdict.message or part.rounded is None:
        return verdict
    named = lower_precision(result, part.expected, part.rounded, bound, np.float32)
    return Verdict(verdict.share, verdict.message + named)


def compare(
    result: np.ndarray, expected: np.ndarray, bound: np.ndarray, as_norm: bool = False
) -> Verdict:
    """The verdict on one part; NaN is wrong, since no definition here gives NaN."""
    with np.errstate(invalid="ignore"):
        error = np.abs(result.astype(np.float64) - expected)
        if as_norm:
            error = np.sqrt(np.mean(error**2))
    error = np.where(np.isfinite(error), error, np.inf)
    bound = np.broadcast_to(bound, error.shape)
    # A bound of 0 with an error of 0 is a share of 0, not 0 / 0.
    shares = np.divide(error, bound, out=np.where(error > 0, np.inf, 0.0), where=bound > 0)
    worst = np.unravel_index(int(np.argmax(shares)), shares.shape)
    share = float(shares[worst]) if np.isfinite(shares[worst]) else None
    if share is not None and share <= 1:
        return Verdict(share)
    place = "on average" if as_norm else f"at [{', '.join(map(str, worst))}]"
    off, allowed = error[worst], bound[worst]
    return Verdict(share, f"WRONG: off by {off:.3g} {place}, where {allowed:.3g} is allowed")


def _worse(a: Verdict, b: Verdict) -> Verdict:
    """The first wrong verdict, or else the one with the larger share of its bound."""
    if a.message or b.message:
        return a if a.message else b
    return max(a, b, key=lambda verdict: verdict.share or 0.0)


def _misshapen(case: Case, results: Results) -> Verdict:
    outputs = of(case).outputs(case)
    if len(results) != len(outputs):
        return Verdict(None, f"WRONG: {len(results)} results, expected {len(outputs)}")
    for result, output in zip(results, outputs, strict=True):
        typed = result.dtype.kind == "i" if output.whole else result.dtype == np.float32
        if result.shape != output.shape or not typed:
            found = f"{result.dtype} {result.shape}"
            wanted = f"{'integers' if output.whole else 'float32'} {output.shape}"
            return Verdict(None, f"WRONG: the result is {found}, expected {wanted}")
    return Verdict(0.0)
