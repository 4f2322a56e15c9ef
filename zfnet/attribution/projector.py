"""Projections of units to the pixels by any method, as the pages of the commands show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from kernels.contract.geometry import Box
from minidl import rules
from zfnet.attribution.attributing import attribute
from zfnet.attribution.drawing import about_grey
from zfnet.attribution.methods import method_named
from zfnet.attribution.result import Attribution, Kind
from zfnet.deconvnet import Deconvnet, Projection, Unit
from zfnet.experiments.shared.results import Report, silent
from zfnet.network import Network

TABLES = {table.name: table for table in (rules.deconvnet, rules.guided, rules.gradient)}
"""Methods that the deconvnet's own passes compute, on receptive fields alone where these are
smaller than the image."""


@dataclass(frozen=True, eq=False)
class AttributedProjection(Projection):
    """A projection by a method of attribution.

    map: (S,S), one number a pixel. `part` is for tiles: the colours, or the map in two colours
    about grey (`drawing.about_grey`).
    """

    map: np.ndarray
    kind: Kind


class Projector(Protocol):
    """What projects units: `Deconvnet`, or another method."""

    def project(
        self,
        images: np.ndarray,
        layer: str,
        *,
        map: int | None = None,
        units: Sequence[Unit] | None = None,
    ) -> Sequence[Projection]:
        """As `Deconvnet.project`."""
        ...

    def project_each(
        self, images: np.ndarray, layer: str, units: Sequence[Unit]
    ) -> Sequence[Projection]:
        """As `Deconvnet.project_each`."""
        ...


@dataclass(frozen=True)
class ChosenMethod:
    """A method of `METHODS` and the settings that were given for it."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The method's name in a sentence."""
        return method_named(self.name).title

    def projector(self, network: Network, report: Report = silent) -> Projector:
        """What projects units of the network so; ValueError for a setting that it has not."""
        if self.name in TABLES:
            method_named(self.name).checked(self.settings)
            return Deconvnet(network.model, TABLES[self.name])
        return Attributing(network, self.name, report, self.settings)


DECONVNET = ChosenMethod("deconvnet")


def titles(methods: Sequence[ChosenMethod]) -> str:
    """ "the deconvnet, SmoothGrad and Grad-CAM"."""
    *first, last = [method.title for method in methods]
    return f"{', '.join(first)} and {last}" if first else last


class Attributing:
    """Projections by `attribute`, over whole images."""

    def __init__(
        self, network: Network, method: str, report: Report, settings: Mapping[str, Any]
    ) -> None:
        self.network, self.method, self.report = network, method, report
        self.settings = method_named(method).checked(settings)

    def project(
        self,
        images: np.ndarray,
        layer: str,
        *,
        map: int | None = None,
        units: Sequence[Unit] | None = None,
    ) -> list[AttributedProjection]:
        """Units of `layer`, as `Deconvnet.project` chooses them, image by image."""
        if units is None:
            return self._projections(images, self._attributed(images, layer, map))
        if map is not None or not units:
            raise ValueError("project: give a map or units, not both, and at least one")
        found = [self._projections(images, self._attributed(images, layer, u)) for u in units]
        return [each for image in zip(*found, strict=True) for each in image]

    def project_each(
        self, images: np.ndarray, layer: str, units: Sequence[Unit]
    ) -> list[AttributedProjection]:
        """Unit n in image n."""
        return self._projections(images, self._attributed(images, layer, list(units)))

    def _attributed(self, images: np.ndarray, layer: str, unit: Any) -> Attribution:
        return attribute(
            self.network, images, unit, self.method, layer=layer, report=self.report,
            **self.settings,
        )  # fmt: skip

    def _projections(self, images: np.ndarray, found: Attribution) -> list[AttributedProjection]:
        S, model = self.network.model.image_size, self.network.model
        whole = Box(0, S, 0, S)
        return [
            AttributedProjection(
                n, found.layer, unit, float(found.outputs[n]),
                model.receptive_field(found.layer, unit.p, unit.q).clip(S, S),
                found.values[n] if found.kind == "colours" else about_grey(found.map[n]),
                whole, S, found.map[n], found.kind,
            )
            for n, unit in enumerate(found.units)
        ]  # fmt: skip
