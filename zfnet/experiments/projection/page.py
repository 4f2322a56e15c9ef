"""Page of `zfnet project`: projections of one unit in some pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from minidl import serialize
from minidl.rules import Rules
from zfnet.deconvnet import Deconvnet, Projection, Unit
from zfnet.experiments.features.measure import patch
from zfnet.experiments.shared import pages
from zfnet.experiments.shared.photographs import Photograph, as_inputs
from zfnet.file_names import file_name
from zfnet.network import Network
from zfnet.report import Page, Section, pictures
from zfnet.report.cards import projected_row
from zfnet.report.cropping import SHARE, energy_window
from zfnet.report.numbers import written
from zfnet.report.tiles import Row

SHOWN = 336
FRAME = (214, 72, 52)


def write_projections(
    network: Network,
    photographs: Sequence[Photograph],
    layer: str,
    out: Path,
    *,
    map: int | None = None,
    units: Sequence[Unit] | None = None,
    table: Rules,
) -> tuple[list[Projection], Path]:
    """Project the strongest unit of `layer`, or of its `map`, or the one of `units`.

    Writes a PNG a picture and index.html into `out`; returns the projections and the page's path.
    """
    inputs = as_inputs(network, photographs)
    found = Deconvnet(network.model, table).project(inputs, layer, map=map, units=units)
    unit = f"map {map}" if map is not None else "the strongest unit" if units is None else "a unit"
    page = Page(f"{layer}, {unit}", _lead(table), kicker="zfnet project")
    for number, (photograph, x, projection) in enumerate(
        zip(photographs, inputs, found, strict=True), start=1
    ):
        pair = _pair(network, x, projection)
        _write_png(out / file_name(f"{number:02d}-{Path(photograph.name).stem}", ".png"), pair)
        where = f"unit ({projection.unit.p}, {projection.unit.q}) of map {projection.unit.map}"
        section = page.section(photograph.name)
        section.figure(
            np.concatenate(pair, axis=1),
            f"{where}, activation {written(projection.value, 4)}. Left, the network's "
            "input, the receptive field framed; right, the projection.",
            f"{photograph.name} beside the projection of {where}",
            pixelated=False,
        )
        if projection.value <= 0:
            section.paragraph("The unit is not active here: it projects to nothing.")
        else:
            _add_close(section, network, x, projection, table, where)
    pages.add_notes(section, network.model, found[0].layer)
    return found, page.write(out / "index.html")


def _add_close(
    section: Section, network: Network, x: np.ndarray, projection: Projection, table: Rules,
    where: str,
) -> None:  # fmt: skip
    """The projection where its energy is, and the image there, to be enlarged."""
    windows = [energy_window([projection.crop()])]
    rows = [
        projected_row(table.name, [projection.crop()], windows),
        Row("image", [patch(network, x, projection)], over=False),
    ]
    name = f"Where {SHARE:.0%} of the projection's energy is"
    section.tiles(rows, windows, [where], name=name)


def _lead(table: Rules) -> str:
    return (
        "All other activations of the layer are set to zero; the remaining one is projected to the "
        f"pixels by {pages.RULES.get(table.name, table.name)}."
    )


def _pair(network: Network, x: np.ndarray, projection: Projection) -> tuple[np.ndarray, np.ndarray]:
    """The picture with the receptive field framed, and the projection, at one scale."""
    times = max(1, SHOWN // x.shape[-1])
    b = projection.box
    field = (b.top * times, b.left * times, b.bottom * times, b.right * times)
    picture = pictures.enlarge(network.preprocess.to_pixels(x), times)
    shown = pictures.enlarge(pictures.contrast_stretch(projection.pixels), times)
    return pictures.outline(picture, field, FRAME, 2), pictures.outline(shown, field, FRAME, 2)


def _write_png(path: Path, pair: tuple[np.ndarray, np.ndarray]) -> None:
    with serialize.replacing(path) as beside:
        beside.write_bytes(pictures.png(np.concatenate(pair, axis=1)))
