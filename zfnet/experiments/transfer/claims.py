"""Verdicts on the paper's trends of Tables 4 and 5 and Fig 9."""

from __future__ import annotations

from zfnet.experiments.shared.gains import gain, points, sorted_by_sign
from zfnet.experiments.shared.protocols import Protocol
from zfnet.experiments.transfer.measure import Accuracies, Scores


def verdicts(scores: Scores, protocol: Protocol, *, seen_before: bool = False) -> list[str]:
    """Sentences on the paper's trends: pretrained above scratch, more images help.

    seen_before: the network was trained on the data set, so that nothing is transferred.
    """
    said = []
    if scores.scratch:
        said = [_not_carried(scores) if seen_before else _above_scratch(scores, protocol)]
    for kind, found in (("pretrained", scores.pretrained), ("from scratch", scores.scratch)):
        if len(found) > 1:
            said.append(_more_images(kind, found))
    return said


def _above_scratch(scores: Scores, protocol: Protocol) -> str:
    gains = {f"with {n} images per class": found for n, found in scores.gains().items()}
    said = sorted_by_sign(
        gains,
        "The paper's trend holds: pretrained lies above training from scratch",
        "The paper's trend does not hold: pretrained lies below training from scratch",
        "Whether pretrained lies above training from scratch cannot be told",
    )
    return said + _published_gains(scores, protocol)


def _not_carried(scores: Scores) -> str:
    gains = [f"with {n} images per class, {points(found)}" for n, found in scores.gains().items()]
    return (
        "Whether features learned elsewhere lie above training from scratch cannot be told, for "
        "the network has learned from this data set already. What it gains on it: "
        f"{'; '.join(gains)}."
    )


def _published_gains(scores: Scores, protocol: Protocol) -> str:
    """The paper's differences, where it has them."""
    known = [n for n in scores.scratch if n in protocol.pretrained]
    listed = [f"{protocol.pretrained[n][0] - protocol.scratch[n][0]:.1f} with {n}" for n in known]
    return f" Published: {', '.join(listed)} ({protocol.source})." if known else ""


def _more_images(kind: str, found: Accuracies) -> str:
    few, many = min(found), max(found)
    gained = {f"from {few} to {many} images per class": gain(found[few], found[many])}
    return sorted_by_sign(
        gained,
        f"More images help, {kind}:",
        f"More images do not help, {kind}:",
        f"Whether more images help cannot be told, {kind}:",
    )
