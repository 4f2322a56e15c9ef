"""`Stratum`: listed geometries of many operations, and their work."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kernels.contract.operations import defined
from kernels.contract.stage_geometry import StageGeometry

Lists = Mapping[str, Callable[[], Sequence[Any]]]


@dataclass(frozen=True, eq=False)
class Stratum:
    """name: a word for messages; lists: for each operation the function that lists geometries."""

    name: str
    lists: Lists

    @property
    def operations(self) -> tuple[str, ...]:
        return tuple(self.lists)

    @lru_cache(maxsize=64)  # noqa: B019  (strata are constants)
    def geometries(self, operation: str) -> tuple[Any, ...]:
        """Every geometry once, that of the least work first."""
        found = dict.fromkeys(self.lists[operation]())
        return tuple(sorted(found, key=lambda g: work(operation, g)))


def work(operation: str, g: Any) -> int:
    """Operations of the definition, and elements of the arrays: what a call takes at least."""
    if isinstance(g, StageGeometry):
        return work("conv2d", g.conv) + work("max_pool2d", g.pool)
    shapes = [getattr(g, name) for name in ("x_shape", "w_shape", "y_shape") if hasattr(g, name)]
    if isinstance(g, tuple):
        shapes = [g]
    if isinstance(g, int):
        shapes = [(g,)]
    return defined(operation, g) + sum(math.prod(shape) for shape in shapes)
