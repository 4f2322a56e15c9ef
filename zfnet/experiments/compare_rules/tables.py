"""Tables of the comparison: for the page, and for a CSV file."""

from __future__ import annotations

from collections.abc import Iterator

from zfnet.attribution_checks.intervals import Interval
from zfnet.attribution_checks.similarity import NAMES
from zfnet.experiments.compare_rules.summary import Comparison

DIFFERENCES = (
    "method", "deletion, minus random order", "deletion, minus edges",
    "insertion, minus random order", "insertion, minus edges",
)  # fmt: skip
LIKENESS = (
    "method", "it shows", "likeness kept, upper half random", "likeness kept, all random",
    "rank", "signed", "SSIM", "HOG",
)  # fmt: skip
COLUMNS = (
    "method", "images", "deletion", "deletion_low", "deletion_high", "insertion", "insertion_low",
    "insertion_high", "likeness_kept_half", "likeness_half_low", "likeness_half_high",
    "likeness_kept_all", "likeness_all_low", "likeness_all_high", "shows", "pointing",
    "pointing_low", "pointing_high", "pointing_chance", "seconds",
)  # fmt: skip


NO_BREAK = "\u00a0"


def header(comparison: Comparison) -> list[str]:
    """Of the table for all questions; the pointing game where it was played."""
    titles = ["method", "deletion, small is good", "insertion, large is good"]
    if comparison.checked(comparison.rules[0]):
        titles.append("behind random weights it shows")
    if comparison.pointing(comparison.rules[0]) is not None:
        titles.append("points at the object, large is good")
    return [*titles, "time a map"]


def shown(comparison: Comparison) -> Iterator[list[str]]:
    """Its rows: methods, then baselines."""
    for name in comparison.names:
        row = [f"`{name}`"]
        row += [written(comparison.area(name, "deletion")),
                written(comparison.area(name, "insertion"))]  # fmt: skip
        if comparison.checked(name):
            row.append(comparison.shows(name).replace(" ", NO_BREAK))
        pointing = comparison.pointing(name)
        if pointing is not None:
            row.append(percent(Interval(pointing.rate, pointing.low, pointing.high, 2)))
        yield [*row, duration(comparison.seconds(name))]


def differences(comparison: Comparison) -> Iterator[list[str]]:
    """Rows of paired differences to the baselines; what cannot be told from zero says so."""
    for name in comparison.rules:
        row = [f"`{name}`"]
        for which in ("deletion", "insertion"):
            for baseline in ("random", "edges"):
                found = comparison.difference(name, baseline, which)
                good = found.sign == (-1 if which == "deletion" else 1)
                word = "better" if good else "worse" if found.sign else "undecided"
                row.append(f"{word}: {written(found, sign=True)}")
        yield row


def likeness(comparison: Comparison) -> Iterator[list[str]]:
    """Rows of the randomisation check with all weights random."""
    for name in comparison.names:
        half, whole = comparison.likeness(name, "half"), comparison.likeness(name, "all")
        last = [comparison.similarity(name, "cascade", m)[-1].mean for m in NAMES]
        yield [
            f"`{name}`", comparison.shows(name).replace(" ", NO_BREAK),
            *(share_kept(kept) for kept in (half, whole)),
            *(_number(value, ".2f") for value in last),
        ]  # fmt: skip


def share_kept(found: Interval | None) -> str:
    """A likeness in per cent; "none" where it is below that of another image's map for certain."""
    if found is None:
        return "–"
    below = found.high is not None and found.high < 0 and round(100 * found.mean) < 0
    return "none" if below else percent(found)


def rates(comparison: Comparison) -> dict[str, Interval]:
    """The share of hits of each method in the pointing game, the best first."""
    found = {}
    for name in comparison.names:
        one = comparison.pointing(name)
        if one is not None:
            found[name] = Interval(one.rate, one.low, one.high, one.count)
    return dict(sorted(found.items(), key=lambda item: -item[1].mean))


def rows(comparison: Comparison) -> Iterator[list[object]]:
    """Rows of methods.csv (COLUMNS)."""
    for name in comparison.names:
        pointing = comparison.pointing(name)
        row: list[object] = [name, len(comparison.images)]
        for one in (
            comparison.area(name, "deletion"), comparison.area(name, "insertion"),
            comparison.likeness(name, "half"), comparison.likeness(name, "all"),
        ):  # fmt: skip
            row += ["", "", ""] if one is None else [one.mean, one.low, one.high]
        row.append(comparison.shows(name) if comparison.checked(name) else "")
        if pointing is None:
            row += ["", "", "", ""]
        else:
            row += [pointing.rate, pointing.low, pointing.high, pointing.chance]
        yield [*row, comparison.seconds(name)]


def written(found: Interval, *, sign: bool = False) -> str:
    """ "0.123 (0.101 to 0.145)", the mean alone for one image; no line breaks within it."""
    return _with_ends(found, "+.3f" if sign else ".3f")


def percent(found: Interval) -> str:
    """ "45 % (40 to 51)"."""
    low, high = (None if end is None else 100 * end for end in (found.low, found.high))
    return _with_ends(Interval(100 * found.mean, low, high, found.count), ".0f", " %")


def _with_ends(found: Interval, form: str, unit: str = "") -> str:
    """The mean and, in parentheses, the ends of its interval."""
    text = f"{_number(found.mean, form)}{unit}"
    if found.low is not None and found.high is not None:
        text += f" ({_number(found.low, form)} to {_number(found.high, form)})"
    return text.replace(" ", NO_BREAK)


def _number(value: float, form: str) -> str:
    """The number with a typographic minus, and without one before a zero."""
    text = f"{value:{form}}"
    if not text.strip("+-0."):
        text = text.lstrip("+-")
    return text.replace("-", "−")


def duration(seconds: float) -> str:
    """ "12 ms", "1.3 s", "0.05 ms"."""
    if seconds < 0.001:
        return f"{1000 * seconds:.2f} ms"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"
