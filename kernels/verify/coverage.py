"""Coverage of a kernel: which geometries it supports, and on which of them it was tried.

A kernel that serves few geometries is judged on those alone. What it was not judged on is said
here: how many it admits of the geometries that are drawn for a kernel without limits, how many of
each stratum, and the range of each size among those that were judged.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from kernels.contract.activation_geometry import ActivationGeometry
from kernels.contract.declarations import Abilities
from kernels.contract.probe import supports
from kernels.contract.problem import Problem
from kernels.contract.registry import Kernel
from kernels.contract.stage_geometry import StageGeometry
from kernels.verify.calls import OPERATIONS
from kernels.verify.outcome import Outcome
from kernels.verify.strata import EMPTY, NETWORKS, THRESHOLDS

DRAWN = 200
"""Geometries that are drawn without regard to what the kernel serves."""
FEW = 4
"""As many values of a size are listed; of more, the smallest and the largest."""
AXES = {
    "matmul": ("M", "N", "K"),
    "batched_matmul": ("B", "M", "N", "K"),
    "plane_max": ("N", "C", "H", "W"),
    **dict.fromkeys(("softmax", "softmax_vjp"), ("B", "M", "N")),
    "random_bits": ("words",),
}


@dataclass(frozen=True)
class Share:
    """Of `listed` geometries the kernel admits `supported`, and was judged on `judged`."""

    listed: int
    supported: int
    judged: int

    @property
    def refused(self) -> bool:
        return self.listed > 0 and self.supported == 0


@dataclass(frozen=True)
class Size:
    """The values of one size among the judged geometries: the smallest, the largest, and what all
    are multiples of; all of them, if they are few."""

    least: int
    most: int
    unit: int
    values: tuple[int, ...] = ()

    def __str__(self) -> str:
        if self.values:
            return ", ".join(map(str, self.values))
        multiples = f", multiples of {self.unit}" if self.unit > 1 else ""
        return f"{self.least} to {self.most}{multiples}"


@dataclass(frozen=True)
class Coverage:
    """What a kernel admits, and what it was judged on.

    geometries: the number of those that it was judged on, each once.
    parts:      shares of "drawn", of each stratum's geometries, or of the "given" ones.
    sizes:      of the judged geometries, by the size's name (N, C, K, R, stride, padding, ...).
    """

    operation: str
    kernel: str
    device: str
    geometries: int
    parts: dict[str, Share]
    sizes: dict[str, Size]

    @property
    def refused(self) -> list[str]:
        """The names of the strata of which it admits nothing."""
        return [name for name, share in self.parts.items() if share.refused]

    def as_dict(self) -> dict[str, Any]:
        """Numbers, strings, lists and dictionaries alone, as JSON has them."""
        sizes = {name: asdict(size) | {"values": list(size.values)}
                 for name, size in self.sizes.items()}  # fmt: skip
        return asdict(self) | {"sizes": sizes, "refused": self.refused}


def coverage(kernel: Kernel, outcomes: Sequence[Outcome]) -> Coverage:
    """The coverage of a kernel, from the outcomes of its trials."""
    judged = dict.fromkeys(g for outcome in outcomes for g in outcome.judged)
    named = dict.fromkeys(g for outcome in outcomes for g in outcome.law.given)
    if named:
        parts = {"given": _share(kernel, list(named), judged)}
    else:
        parts = {"drawn": _share(kernel, _drawn(kernel), {})}
        for stratum in (NETWORKS, THRESHOLDS, EMPTY):
            if kernel.operation in stratum.operations:
                listed = stratum.geometries(kernel.operation)
                parts[stratum.name] = _share(kernel, listed, judged)
    sizes = _sizes(kernel.operation, list(judged))
    its = kernel.operation, kernel.name, kernel.device
    return Coverage(*its, len(judged), parts, sizes)


def _share(kernel: Kernel, listed: Sequence[Any], judged: dict[Any, None]) -> Share:
    supported = sum(admits(kernel, g) for g in listed)
    return Share(len(listed), supported, sum(g in judged for g in listed))


def admits(kernel: Kernel, g: Any) -> bool:
    """True if the kernel supports a plain call of the geometry, in float32 or in float64; False if
    its `supports` raises, which is a failure of every property."""
    try:
        return any(supports(kernel, Problem(g, np.dtype(t))) for t in (np.float32, np.float64))
    except ValueError:
        return False


def _drawn(kernel: Kernel) -> list[Any]:
    """Geometries as they are drawn for a kernel of the operation that serves everything."""
    free = replace(kernel, abilities=Abilities(supports=_anything))
    its, found = OPERATIONS[kernel.operation], list[Any]()
    draws = st.one_of(its.geometries(free, False), its.geometries(free, True))

    @seed(zlib.crc32(kernel.operation.encode()))
    @settings(max_examples=DRAWN, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(draws)
    def take(g: Any) -> None:
        found.append(g)

    take()
    return found


def _anything(problem: Any) -> bool:
    return True


def _sizes(operation: str, geometries: Sequence[Any]) -> dict[str, Size]:
    values: dict[str, set[int]] = {}
    for g in geometries:
        for name, value in _named(operation, g):
            values.setdefault(name, set()).add(value)
    return {name: _size(found) for name, found in values.items()}


def _size(values: set[int]) -> Size:
    some = tuple(sorted(values)) if len(values) <= FEW else ()
    return Size(min(values), max(values), math.gcd(*values), some)


def _named(operation: str, g: Any) -> Iterator[tuple[str, int]]:
    """The sizes of a geometry: whole numbers, and each of a pair's or of four pads."""
    if isinstance(g, StageGeometry):
        yield from _named("conv2d", g.conv)
        yield from ((f"pool {name}", v) for name, v in _named("max_pool2d", g.pool)
                    if name in ("R", "S", "stride", "padding"))  # fmt: skip
    elif isinstance(g, ActivationGeometry):
        yield from (("axes", len(g.shape)), ("elements", math.prod(g.shape)))
    elif is_dataclass(g):
        for field in fields(g):
            yield from ((field.name, v) for v in _whole(getattr(g, field.name)))
    elif operation in AXES:
        yield from zip(AXES[operation], _whole(g), strict=True)
    else:
        yield "axes", len(g)
        yield "elements", math.prod(g)


def _whole(value: Any) -> tuple[int, ...]:
    several = value if isinstance(value, tuple) else (value,)
    return tuple(v for v in several if isinstance(v, int) and not isinstance(v, bool))
