"""Units whose value is attributed to the pixels: one of a layer in each image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl import Tensor
from zfnet.deconvnet import Unit, strongest
from zfnet.inspectable import InspectableGraph

Chosen = int | str | Unit | None
"""A class by its number or name, a map by its number (its strongest unit), or a unit; None: the
strongest unit of the layer."""


@dataclass(frozen=True)
class Target:
    """One unit of `layer` in each image."""

    layer: str
    units: tuple[Unit, ...]


def targets(
    model: InspectableGraph,
    classes: Sequence[str],
    activation: Tensor,
    layer: str,
    unit: Chosen | Sequence[Chosen],
) -> Target:
    """The units of `layer` that `unit` names, one for each image of its activation (N,...).

    unit: one for all images, or a sequence with one for each. ValueError for another number of
    them, or for a map, a unit or a class that does not exist.
    """
    planes = model.layout(layer).planar(activation.data)  # (N,...) -> (N,K,P,Q)
    one = unit is None or isinstance(unit, int | str | Unit | np.integer)
    given: list[Any] = [unit] * len(planes) if one else list(unit)  # type: ignore[arg-type]
    if len(given) != len(planes):
        raise ValueError(f"attribute: {len(given)} units for {len(planes)} images")
    known = classes if layer == model.scores else ()
    found = [_unit(each, planes[n : n + 1], known, layer) for n, each in enumerate(given)]
    return Target(layer, tuple(found))


def _unit(chosen: Chosen, planes: np.ndarray, classes: Sequence[str], layer: str) -> Unit:
    """The unit that is meant in one image's (1,K,P,Q)."""
    K, P, Q = planes.shape[1:]
    if chosen is None:
        return strongest(planes)[0]
    if isinstance(chosen, str):
        if chosen not in classes:
            raise ValueError(_no_class(chosen, classes, layer))
        return Unit(classes.index(chosen))
    if isinstance(chosen, Unit):
        unit = chosen
    elif isinstance(chosen, int | np.integer) and not isinstance(chosen, bool):
        unit = Unit(int(chosen))
        if 0 <= chosen < K and P * Q > 1:
            return strongest(planes, int(chosen))[0]
    else:
        raise TypeError(f"attribute: a unit is a number, a class's name or a Unit, got {chosen!r}")
    if not (0 <= unit.map < K and 0 <= unit.p < P and 0 <= unit.q < Q):
        raise ValueError(
            f"{layer} has the maps 0 to {K - 1} of {P}x{Q} units; {unit} is none of them"
        )
    return unit


def _no_class(name: str, classes: Sequence[str], layer: str) -> str:
    if not classes:
        return f"{layer} has no classes: give the number of a map instead of {name!r}"
    near = ", ".join(classes[:8])
    more = f" and {len(classes) - 8} more" if len(classes) > 8 else ""
    return f"no class {name!r}; the classes are {near}{more}"
