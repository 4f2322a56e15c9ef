"""Part of the promises' trials: cases by name, and what judges one of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

Judge = Callable[[str], list[str]]
"""A case's name -> what was broken, a sentence each; none if the promise was kept."""


@dataclass(frozen=True)
class Trial:
    """The names of all cases, and what judges one of them."""

    cases: Sequence[str]
    judge: Judge


@dataclass(frozen=True)
class Part:
    """One kind of trial: `opened` has the processes that it uses, and files in the folder."""

    name: str
    what: str
    opened: Callable[[Path], AbstractContextManager[Trial]]


def drawn(cases: Sequence[str], count: int, seed: int = 0) -> list[str]:
    """`count` of the cases, the same ones for the same seed."""
    return random.Random(seed).sample(list(cases), min(count, len(cases)))
