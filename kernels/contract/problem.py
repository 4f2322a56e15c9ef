"""`Problem`: geometry, type and options of one call, without its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from kernels.contract.geometry import PoolGeometry

FLOAT32 = np.dtype(np.float32)


@dataclass(frozen=True)
class Problem:
    """The parameters of a call; the argument of `supports`, of costs and of `pick`.

    geometry:   shapes and settings, the `g` of a kernel; a shape or a count for an operation
    without
                a geometry.
    dtype:      of the arrays.
    rectify:    the call returns max(y, 0).
    pool:       the pooling of y in the same call.
    collisions: the law of unpooling: "sum", "max" or "last".
    prepared:   the caller keeps the prepared weights, whose preparation then costs nothing.
    """

    geometry: Any
    dtype: np.dtype = FLOAT32
    rectify: bool = False
    pool: PoolGeometry | None = None
    collisions: str = "sum"
    prepared: bool = False

    def __post_init__(self) -> None:
        given: object = self.dtype
        if not isinstance(given, np.dtype):  # np.float32 for np.dtype(np.float32)
            object.__setattr__(self, "dtype", np.dtype(self.dtype))

    def __str__(self) -> str:
        """The geometry, the type, and the options that are not the defaults."""
        asked = [f"{f.name}={getattr(self, f.name)}" for f in fields(self)[2:]
                 if getattr(self, f.name) != f.default]  # fmt: skip
        return ", ".join([f"{self.geometry} in {self.dtype}", *asked])

    @classmethod
    def of_call(cls, geometry: Any, dtype: np.dtype, options: Mapping[str, Any]) -> Problem:
        """The problem of a call with these options, without bias and `out`."""
        asked = {name: options[name] for name in _ASKED if name in options}
        return cls(geometry, dtype, **asked, prepared=options.get("prepared") is not None)


_ASKED = ("rectify", "pool", "collisions")


def problem_of(asked: Any) -> Problem:
    """`asked` if it is a Problem; for a bare geometry the plain call in float32."""
    return asked if isinstance(asked, Problem) else Problem(asked)
