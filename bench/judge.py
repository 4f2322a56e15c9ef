"""No wrong result is timed: each is held against the definition, within what its kernel declares.

The bound is the kernel's `error_bound(g)` times eps times the sum of the absolute products; for a
`norm_wise` kernel with every pixel, padding too, replaced by the largest of its plane. A library
declares nothing: it gets what sums of the definition's products, in any order, can be off by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from bench.cases import Case, Contender
from bench.definition import absolutes, one_pixel, parts, plane_maxima, plane_sums, values
from kernels import named
from kernels.bounds import rounding, stated


@dataclass(frozen=True)
class Verdict:
    """How much of its bound a result uses (None: that is no number), and what is wrong with it."""

    share: float | None
    message: str = ""


def judge(case: Case, results: Mapping[Contender, np.ndarray]) -> dict[Contender, Verdict]:
    """A verdict on each contender's result, float32 in the operation's own shape."""
    verdicts = {c: _misshapen(case, result) for c, result in results.items()}
    norm_wise = {
        c: _is_norm_wise(case, c) for c, verdict in verdicts.items() if not verdict.message
    }
    for where, expected, absolute, norms in _expected(case, any(norm_wise.values())):
        for c, by_norm in norm_wise.items():
            bound = _bound(case, c, norms if by_norm else absolute)
            part = np.asarray(results[c][where])
            verdict = bound if isinstance(bound, Verdict) else compare(part, expected, bound)
            verdicts[c] = _worse(verdicts[c], verdict)
    return verdicts


def compare(result: np.ndarray, expected: np.ndarray, bound: np.ndarray) -> Verdict:
    """The verdict on one part; NaN, which no definition here gives, is wrong."""
    bound = np.broadcast_to(bound, expected.shape)
    with np.errstate(invalid="ignore"):
        error = np.abs(result.astype(np.float64) - expected)
    shares = np.where(np.isfinite(error), error, np.inf) / bound
    worst = np.unravel_index(int(np.argmax(shares)), shares.shape)
    share = float(shares[worst]) if np.isfinite(shares[worst]) else None
    if share is not None and share <= 1:
        return Verdict(share)
    place = ", ".join(map(str, worst))
    off, allowed = error[worst], bound[worst]
    return Verdict(share, f"WRONG: off by {off:.3g} at [{place}], where {allowed:.3g} is allowed")


def _worse(a: Verdict, b: Verdict) -> Verdict:
    """The first wrong one, or else the one that uses more of its bound."""
    if a.message or b.message:
        return a if a.message else b
    return max(a, b, key=lambda verdict: verdict.share or 0.0)


def _misshapen(case: Case, result: np.ndarray) -> Verdict:
    if result.shape == case.result_shape and result.dtype == np.float32:
        return Verdict(0.0)
    found = f"{result.dtype} {result.shape}"
    return Verdict(None, f"WRONG: the result is {found}, expected float32 {case.result_shape}")


def _expected(
    case: Case, norm_wise: bool
) -> Iterator[tuple[int | slice, np.ndarray, np.ndarray, np.ndarray]]:
    """By parts: where it stands, the definition, the sum of the absolute products, and that sum
    norm-wise, one number a plane, if asked for."""
    (a, b), g, operation = case.inputs(), case.geometry, case.operation
    true = parts(operation, a, b, g, values, values)
    plain = parts(operation, a, b, g, absolutes, absolutes)
    by_norm = parts(operation, a, b, one_pixel(g), plane_maxima, plane_sums)
    for (where, expected), (_, absolute) in zip(true, plain, strict=True):
        yield where, expected, absolute, next(by_norm)[1] if norm_wise else absolute


def _is_norm_wise(case: Case, contender: Contender) -> bool:
    of_ours = contender.library == "kernels"
    return of_ours and named(case.operation, contender.name).norm_wise


def _bound(case: Case, contender: Contender, absolute: np.ndarray) -> np.ndarray | Verdict:
    """The largest error allowed; a verdict if the kernel states none that can be computed."""
    own = rounding(case.terms, absolute, np.float64)  # the definition's, which adds in turn
    if contender.library != "kernels":
        return own + rounding(case.terms, absolute, np.float32)
    kernel = named(case.operation, contender.name)
    try:
        return own + rounding(stated(kernel, case.geometry, case.terms), absolute, np.float32)
    except Exception as error:
        return Verdict(None, f"unjudged: {type(error).__name__}: {error}")
