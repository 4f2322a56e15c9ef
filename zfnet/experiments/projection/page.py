"""Page of `zfnet project`: projections of one unit in some pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from minidl import serialize
from zfnet.attribution.drawing import coloured, limit, scale
from zfnet.attribution.methods import METHODS
from zfnet.attribution.projector import DECONVNET, AttributedProjection, ChosenMethod, titles
from zfnet.deconvnet import Projection, Unit
from zfnet.experiments.shared import pages
from zfnet.experiments.shared.photographs import Photograph, as_inputs
from zfnet.experiments.shared.results import Report, silent
from zfnet.file_names import file_name
from zfnet.network import Network
from zfnet.report import Page, Section, pictures
from zfnet.report.cropping import SHARE, energy_window
from zfnet.report.figures import OWN, Figures
from zfnet.report.numbers import percent, written
from zfnet.report.tiles import Row

SHOWN = 336
FRAME = (214, 72, 52)
BESIDE = {
    "colours": "",
    "signed": " Red speaks for the unit, blue against it; beside it the scale.",
    "positive": " Bright is much; beside it the scale.",
}
"""What is said of a projection's drawing, by its kind."""


def write_projections(
    network: Network,
    photographs: Sequence[Photograph],
    layer: str,
    out: Path,
    *,
    map: int | None = None,
    units: Sequence[Unit] | None = None,
    methods: Sequence[ChosenMethod] = (DECONVNET,),
    figures: Figures = OWN,
    report: Report = silent,
) -> tuple[list[Projection], Path]:
    """Project the strongest unit of `layer`, or of its `map`, or the one of `units`.

    methods: the pictures of one stand below those of another.
    figures: format and width of the files of pictures.
    Writes these files and index.html into `out`; returns the first method's projections and the
    page's path.
    """
    inputs = as_inputs(network, photographs)
    found = {
        method.name: method.projector(network, report).project(inputs, layer, map=map, units=units)
        for method in methods
    }
    unit = f"map {map}" if map is not None else "the strongest unit" if units is None else "a unit"
    page = Page(f"{layer}, {unit}", _lead(methods), kicker="zfnet project")
    for n, photograph in enumerate(photographs):
        own = {name: projections[n] for name, projections in found.items()}
        section = page.section(photograph.name)
        _show(section, network, photograph, inputs[n], own)
        for name, projection in own.items():
            stem = f"{n + 1:02d}-{Path(photograph.name).stem}"
            stem += f"-{name}" if len(own) > 1 else ""
            pair = np.concatenate(_pair(network, inputs[n], projection), axis=1)
            with serialize.replacing(out / file_name(stem, f".{figures.format}")) as beside:
                beside.write_bytes(figures.as_picture(pair))
    first = list(next(iter(found.values())))
    pages.add_notes(section, network.model, first[0].layer)
    return first, page.write(out / "index.html")


def _show(
    section: Section,
    network: Network,
    photograph: Photograph,
    x: np.ndarray,
    own: Mapping[str, Projection],
) -> None:
    """The projections close up; then each method's beside the picture."""
    _add_close(section, network, x, own)
    for name, projection in own.items():
        where = f"Unit ({projection.unit.p}, {projection.unit.q}) of map {projection.unit.map}"
        by = f" by {METHODS[name].title}" if len(own) > 1 else ""
        kind = METHODS[name].kind
        section.figure(
            np.concatenate(_pair(network, x, projection), axis=1),
            f"{where}, activation {written(projection.value, 4)}. Left, the network's input, the "
            f"receptive field framed; right, the projection{by}.{BESIDE[kind]}",
            f"{photograph.name} beside the projection of {where.lower()}{by}",
            pixelated=False,
        )
        if projection.value <= 0 and not isinstance(projection, AttributedProjection):
            section.paragraph("The unit is not active here: it projects to nothing.")


def _add_close(
    section: Section, network: Network, x: np.ndarray, own: Mapping[str, Projection]
) -> None:
    """Every method's projection where the energy is, and the image there, to be enlarged."""
    active = {name: p for name, p in own.items() if np.any(p.pixels)}
    if not active:
        return
    first = next(iter(active.values()))
    windows = [energy_window([projection.pixels for projection in active.values()])]
    rows = []
    for name, projection in active.items():
        drawn, scaled = _drawn(projection, SHOWN)
        rows.append(Row(METHODS[name].title, [drawn], None if scaled else [1.0]))
    image = pictures.outline(network.preprocess.to_pixels(x), _field(first), FRAME)
    section.tiles(
        [*rows, Row("image", [image], over=False)],
        windows,
        [f"map {first.unit.map}, unit ({first.unit.p}, {first.unit.q})"],
        name=f"Where {percent(SHARE)} of the energy is",
    )


def _field(projection: Projection, times: int = 1) -> pictures.Box:
    b = projection.box
    return b.top * times, b.left * times, b.bottom * times, b.right * times


def _lead(methods: Sequence[ChosenMethod]) -> str:
    return f"One unit of the layer, projected to the pixels of each picture by {titles(methods)}."


def _pair(network: Network, x: np.ndarray, projection: Projection) -> tuple[np.ndarray, ...]:
    """The picture with the receptive field framed, and the projection, at one scale; beside a map
    the scale of its colours."""
    times = max(1, SHOWN // x.shape[-1])
    field = _field(projection, times)
    picture = pictures.enlarge(network.preprocess.to_pixels(x), times)
    drawn, beside = _drawn(projection, len(picture))
    shown = pictures.outline(pictures.enlarge(drawn, times), field, FRAME, 2)
    return pictures.outline(picture, field, FRAME, 2), shown, *beside


def _drawn(projection: Projection, height: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """The projection as a picture of its size, and the scale of its colours if it has one."""
    if not isinstance(projection, AttributedProjection) or projection.kind == "colours":
        return pictures.contrast_stretch(projection.pixels), []
    signed, largest = projection.kind == "signed", limit(projection.map)
    return coloured(projection.map, signed, largest), [scale(largest, signed, height)]
