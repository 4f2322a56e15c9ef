"""Method of attribution: its name, settings and function, and the form of its results."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zfnet.attribution.result import Kind


@dataclass(frozen=True, eq=False)
class Found:
    """What a method finds: `values` (N,C,H,W) and, where its sum has a meaning, the `gap` (N,)."""

    values: np.ndarray
    gap: np.ndarray | None = None


@dataclass(frozen=True)
class Method:
    """One method.

    title:    its name in a sentence; `source` who published it.
    kind:     how its values are drawn (`zfnet.attribution.result.Kind`).
    run:      the function of a question and its settings.
    settings: their names and defaults.
    """

    name: str
    title: str
    source: str
    kind: Kind
    run: Callable[..., Found]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All settings, those given among them; ValueError for one that the method has not."""
        for name in given:
            if name not in self.settings:
                known = ", ".join(self.settings) or "none"
                raise ValueError(f"{self.name} has no setting {name!r}; it has {known}")
        return {**self.settings, **given}

    def flatten(self, values: np.ndarray) -> np.ndarray:
        """One number a pixel: (N,C,H,W) -> (N,H,W); shares are added, colours by their largest."""
        if self.kind == "signed":
            total: np.ndarray = values.sum(axis=1)
            return total
        largest: np.ndarray = np.abs(values).max(axis=1)
        return largest


def whole(value: Any, name: str, what: str) -> int:
    """A whole number from 1 on; ValueError says what it counts."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} is {value!r}: it takes a whole number of {what}, at least 1")
    return int(value)


def number(value: Any, name: str, least: float = 0.0) -> float:
    """A finite number from `least` on; ValueError says so."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not least <= found < math.inf:
        raise ValueError(f"{name} is {value!r}: it takes a number from {least:g} on")
    return found
