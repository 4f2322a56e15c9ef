"""Exceptions by which a check ends unless its property holds."""

from __future__ import annotations


class Violation(AssertionError):
    """A property does not hold; the message states where and by how much.

    named: a clause at the message's end, the lower precision that such errors have; None where the
           check names none. The runner replaces it by that of a larger call: a simplified example
           has too few numbers to tell types apart.

    >>> raise Violation("at (0,) the result is 1, expected 2")
    Traceback (most recent call last):
        ...
    kernels.verify.verdicts.Violation: at (0,) the result is 1, expected 2
    """

    def __init__(self, message: str = "", named: str | None = None) -> None:
        super().__init__(message + (named or ""))
        self.message, self.named = message, named


class Misreturn(Violation):
    """The kernel returns something else than its operation's arrays, which every property sees."""


class Inapplicable(Exception):
    """The property does not apply to this call; the trial draws another one.

    >>> assume(0 > 1)
    Traceback (most recent call last):
        ...
    kernels.verify.verdicts.Inapplicable
    """


def assume(condition: object) -> None:
    """Raises Inapplicable unless `condition`; unlike hypothesis's assume it also works outside of
    a test.

    >>> assume(1 > 0)
    """
    if not condition:
        raise Inapplicable
