"""Methods of attribution by the names that `--rules` takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from minidl import rules
from minidl.rules import Rules
from zfnet.attribution.passes import Question, gradients, in_batches
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

    def flatten(self, values: np.ndarray) -> np.ndarray:
        """One number a pixel: (N,C,H,W) -> (N,H,W); shares are added, colours by their largest."""
        if self.kind == "signed":
            total: np.ndarray = values.sum(axis=1)
            return total
        largest: np.ndarray = np.abs(values).max(axis=1)
        return largest


def by_table(table: Rules, question: Question) -> Found:
    """A 1 at each unit, propagated to the pixels by the rules of `table`."""
    exact = rules.by_definition(table)
    return Found(
        in_batches(question, table.name, lambda some: gradients(some, some.images, exact)[0])
    )


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "deconvnet", "the deconvnet", "Zeiler, Fergus 2013", "colours",
            partial(by_table, rules.deconvnet),
        ),
        Method(
            "guided", "guided backpropagation", "Springenberg et al. 2014", "colours",
            partial(by_table, rules.guided),
        ),
        Method(
            "gradient", "the gradient", "Simonyan et al. 2013", "colours",
            partial(by_table, rules.gradient),
        ),
    )
}  # fmt: skip
"""All methods, by their names."""


def method_named(name: str) -> Method:
    """The method; ValueError lists the names."""
    if name not in METHODS:
        raise ValueError(f"no method {name!r}; the methods are {', '.join(METHODS)}")
    return METHODS[name]
