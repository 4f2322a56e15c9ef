"""Projections of units on a kept forward pass, as pictures with their scales."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.contract.geometry import Box
from minidl import rules
from zfnet.attribution import attribute
from zfnet.attribution.drawing import coloured, limit
from zfnet.attribution.methods import METHODS, method_named
from zfnet.attribution.projector import TABLES
from zfnet.deconvnet import Unit, strongest
from zfnet.look.session import Forward
from zfnet.report.pictures import contrast_stretch, full_contrast

AT_A_TIME = 2
"""Of the many images that some methods compute, those of one step: a click waits for no more."""


@dataclass(frozen=True)
class Units:
    """Units of one layer that are projected together: places of some maps.

    maps: their numbers. region: rows and columns of places, the bottom and right exclusive.
    """

    layer: str
    maps: tuple[int, ...]
    region: Box

    @property
    def single(self) -> Unit | None:
        """The unit, if it is one."""
        if len(self.maps) == 1 and self.region.shape == (1, 1):
            return Unit(self.maps[0], self.region.top, self.region.left)
        return None


@dataclass(frozen=True, eq=False)
class Drawn:
    """A projection as a picture (S,S,3) uint8.

    full: the value of full contrast; `kind` as of `zfnet.attribution.result.Kind`.
    field: outside of it the projection is zero.
    """

    method: str
    kind: str
    full: float
    picture: np.ndarray
    field: Box

    def header(self) -> dict[str, Any]:
        """For JSON."""
        low = 0.0 if self.kind == "positive" else -self.full
        return {
            "method": self.method, "title": METHODS[self.method].title, "kind": self.kind,
            "low": low, "high": self.full, "field": corners(self.field),
        }  # fmt: skip


def corners(box: Box) -> list[int]:
    """[top, bottom, left, right]."""
    return [box.top, box.bottom, box.left, box.right]


def strongest_unit(run: Forward, layer: str, map: int | None = None) -> Unit:
    """The strongest unit of a layer, or of one of its maps."""
    return strongest(run.planes(layer)[None], map)[0]  # (K,P,Q) -> (1,K,P,Q)


def checked(run: Forward, units: Units) -> Units:
    """The units; ValueError if the layer has not all of them."""
    K, P, Q = run.planes(units.layer).shape
    box = units.region
    inside = 0 <= box.top < box.bottom <= P and 0 <= box.left < box.right <= Q
    if not units.maps or min(units.maps) < 0 or max(units.maps) >= K or not inside:
        raise ValueError(
            f"{units.layer} has the maps 0 to {K - 1} of {P} x {Q} units; asked for maps "
            f"{', '.join(map(str, units.maps[:8]))}, rows {box.top} to {box.bottom - 1}, columns "
            f"{box.left} to {box.right - 1}"
        )
    return units


def projected(
    run: Forward, units: Units, method: str, between: Callable[[], None] = lambda: None
) -> Drawn:
    """The units' projection by one method; a long one calls `between` between its steps.

    Of several units the activations are projected together, by the deconvnet, guided
    backpropagation or the gradient; other methods take a single unit.
    """
    field = _field(run, units, method)
    if method in TABLES:
        return _drawn(run, method, by_table(run, units, method), field)
    one = units.single
    if one is None:
        raise ValueError(
            f"{method_named(method).title} takes a single unit; {', '.join(TABLES)} take several"
        )
    x = run.x.numpy()
    found = attribute(
        run.network, x, one, method, layer=units.layer, batch_size=AT_A_TIME,
        report=lambda *step: between(),
    )  # fmt: skip
    if found.kind == "colours":
        return _drawn(run, method, found.values[0], field)
    full = limit(found.map[0])
    return Drawn(
        method, found.kind, full, coloured(found.map[0], found.kind == "signed", full), field
    )


def by_table(run: Forward, units: Units, method: str) -> np.ndarray:
    """All activations but the units' set to zero, and the backward pass: (3,S,S)."""
    activation = run.outputs[units.layer]
    layout, shape = run.model.layout(units.layer), activation.shape[1:]
    box, cotangent = units.region, np.zeros_like(activation.data)
    # Indices of the layer's output as its planes (K,P,Q) have them.
    numbers = np.arange(activation.data[0].size).reshape(1, *shape)  # (KPQ,) -> (1,...)
    rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
    chosen = layout.planar(numbers)[0][list(units.maps), rows, columns].ravel()
    cotangent[(0, *np.unravel_index(chosen, shape))] = activation.data[0][
        np.unravel_index(chosen, shape)
    ]
    (pixels,) = activation.backward(cotangent, rules=TABLES[method], inputs=[run.x])
    found: np.ndarray = pixels.numpy()[0]
    return found


def _field(run: Forward, units: Units, method: str) -> Box:
    """The receptive field of the units' places, where the method can reach."""
    box, table = units.region, TABLES.get(method)
    held = table is not None and table["multiply"] is not rules.gradient["multiply"]
    found = [
        run.field(units.layer, p, q, held=held)
        for p in {box.top, box.bottom - 1}
        for q in {box.left, box.right - 1}
    ]
    return Box(
        min(b.top for b in found), max(b.bottom for b in found),
        min(b.left for b in found), max(b.right for b in found),
    )  # fmt: skip


def _drawn(run: Forward, method: str, values: np.ndarray, field: Box) -> Drawn:
    """Values (3,S,S) about grey; the field alone decides the contrast, as Winograd's sums round
    outside of it."""
    inside = values[:, field.top : field.bottom, field.left : field.right]
    if not np.isfinite(inside).all():
        raise ValueError(f"the projection by {method} has values that are not finite")
    full = full_contrast([inside]) if inside.size else 0.0
    picture = np.full((*values.shape[1:], 3), 128, np.uint8)
    if inside.size:
        stretched = contrast_stretch(inside, scale=full)
        picture[field.top : field.bottom, field.left : field.right] = stretched
    return Drawn(method, "colours", full, picture, field)
