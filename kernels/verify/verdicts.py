"""What a check can say but "it holds"."""

from __future__ import annotations


class Violation(AssertionError):
    """A property does not hold; the message says where and by how much."""


class Inapplicable(Exception):
    """The property says nothing about this call."""


def assume(condition: object) -> None:
    """Go on only if `condition`; unlike hypothesis's own it serves outside of a test too."""
    if not condition:
        raise Inapplicable
