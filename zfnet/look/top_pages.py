"""Top nine as tiles and as static pages: an image's patch beside its projection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kernels.contract.geometry import Box
from kernels.storage.atomic import replacing
from kernels.terminal.printable import printable
from zfnet.data.images import BadImage
from zfnet.deconvnet import Deconvnet, Unit
from zfnet.file_names import file_name
from zfnet.look.session import prepared
from zfnet.look.top import Place, TopNine
from zfnet.report.markup import escaped, image, tag
from zfnet.report.numbers import written
from zfnet.report.pictures import contrast_stretch, full_contrast

STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;margin:1rem;color-scheme:light dark}"
    "main{display:grid;grid-template-columns:repeat(auto-fill,minmax(230px,1fr));gap:1rem}"
    "figure{margin:0}img{width:48%;image-rendering:pixelated;margin-right:2%}"
    "figcaption{font-size:.85rem;overflow-wrap:anywhere}"
)


@dataclass(frozen=True, eq=False)
class Tile:
    """One place: the patch (h,w,3) of its receptive field, and its projection, in which `full` is
    full contrast."""

    place: Place
    name: str
    patch: np.ndarray
    projection: np.ndarray
    full: float
    field: Box


def tile(top: TopNine, layer: str, map: int, place: Place) -> Tile:
    """The tile of one of the map's strongest places; BadImage if its image is gone."""
    identity = top.ids[place.image]
    x = prepared(top.network, top.gallery.pixels(identity))
    unit = Unit(map, place.p, place.q)
    found = Deconvnet(top.network.model).project_each(x[None], layer, [unit])[0]
    box = found.box
    pixels = top.network.preprocess.to_pixels(x)
    patch = pixels[box.top : box.bottom, box.left : box.right]
    full = full_contrast([found.crop()])
    drawn = contrast_stretch(found.crop(), scale=full)
    return Tile(place, top.gallery.name(identity), patch, drawn, full, box)


def pages(top: TopNine, layer: str, out: Path) -> Iterator[None]:
    """Write a static page for every map of the layer, and an index; a step is a map.

    A page that is there for the same places is kept, so that a second call continues.
    """
    out.mkdir(parents=True, exist_ok=True)
    maps = np.argsort(-top.values[layer][:, 0], kind="stable").tolist()
    for map in maps:
        file = out / f"map-{map}.html"
        places = top.of(layer, map)
        mark = f"<!-- {places!r} -->"
        if not (file.is_file() and file.read_text(encoding="utf-8").startswith(mark)):
            _write(file, mark + _page(top, layer, map, places))
        yield
    links = "".join(
        tag("li", tag("a", f"Map {map}: {written(float(top.values[layer][map, 0]))}",
                      href=f"map-{map}.html"))
        for map in maps
    )  # fmt: skip
    _write(out / "index.html", _document(f"{layer}: maps, the strongest first", tag("ol", links)))


def folder(top: TopNine, layer: str) -> Path:
    """Where the pages of a layer are written; ValueError where nothing is kept."""
    if top.folder is None:
        raise ValueError("nothing is kept on disk: start zfnet look with --keep FOLDER")
    return top.folder / "pages" / file_name(layer, "")


def _page(top: TopNine, layer: str, map: int, places: list[Place]) -> str:
    figures = []
    for place in places:
        try:
            each = tile(top, layer, map, place)
        except BadImage as error:
            figures.append(tag("p", escaped(str(error))))
            continue
        box = each.field
        text = (
            f"{each.name}: {written(place.value)} at ({place.p}, {place.q}); rows {box.top} to "
            f"{box.bottom - 1}, columns {box.left} to {box.right - 1}; grey is 0, full contrast "
            f"±{written(each.full)}"
        )
        pictures = image(each.patch, "patch of the image", sized=False)
        pictures += image(each.projection, "projection by the deconvnet", sized=False)
        figures.append(tag("figure", pictures + tag("figcaption", escaped(text))))
    return _document(f"{layer}, map {map}: top {len(places)}", tag("main", "".join(figures)))


def _document(title: str, content: str) -> str:
    head = tag("title", escaped(title)) + tag("style", STYLE)
    viewport = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    heading = tag("h1", escaped(printable(title)))
    body = tag("body", heading + content)
    return f'<!doctype html><html lang="en"><head>{viewport}{head}</head>{body}</html>'


def _write(file: Path, text: str) -> None:
    with replacing(file) as beside:
        beside.write_text(text, encoding="utf-8")
