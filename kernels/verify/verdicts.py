"""Exceptions by which a check ends unless its property holds."""

from __future__ import annotations


class Violation(AssertionError):
    """A property does not hold; the message states where and by how much."""


class Misreturn(Violation):
    """The kernel returns something else than its operation's arrays, which every property sees."""


class Inapplicable(Exception):
    """The property does not apply to this call."""


def assume(condition: object) -> None:
    """Raises Inapplicable unless `condition`; unlike hypothesis's assume it also works outside of
    a test."""
    if not condition:
        raise Inapplicable
