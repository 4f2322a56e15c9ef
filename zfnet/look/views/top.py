"""Top nine: the strongest activations of a map over the images, computed in the background."""

from __future__ import annotations

from collections.abc import Iterator

from zfnet.look.engine import Job
from zfnet.look.frames import Frame
from zfnet.look.projecting import corners
from zfnet.look.requests import Asked
from zfnet.look.session import Session
from zfnet.look.top import TopNine
from zfnet.look.top_pages import folder, pages, tile
from zfnet.look.view import View


def start(session: Session) -> None:
    """Begin, or continue, for every network."""
    found = [TopNine(opened.network, session.gallery, session.keep) for opened in session.networks]
    session.shared["top"] = found
    session.shared["top pages"] = {}
    for each in found:
        session.engine.background(each.steps())


def top_of(session: Session, asked: Asked) -> TopNine:
    """The top nine of the request's network."""
    session.opened(asked)  # (refused for a network that does not exist)
    found: TopNine = session.shared["top"][asked.whole("network", 0)]
    return found


def best(session: Session, asked: Asked, job: Job) -> Frame:
    """How far it is, and the map's places: layer, map."""
    top = top_of(session, asked)
    layer, map = asked.text("layer"), asked.whole("map")
    places = [
        {"image": top.ids[each.image], "name": top.gallery.name(top.ids[each.image]),
         "p": each.p, "q": each.q, "value": each.value}
        for each in top.of(layer, map)
    ]  # fmt: skip
    header = {
        "done": top.done, "total": len(top.ids), "broken": top.broken[:20],
        "count_broken": len(top.broken), "places": places,
        "pages": session.shared["top pages"].get((asked.whole("network", 0), layer), ""),
    }  # fmt: skip
    return Frame(header)


def one(session: Session, asked: Asked, job: Job) -> Frame:
    """A tile of the map: layer, map, rank -> patch and projection (h,w,3)."""
    top = top_of(session, asked)
    layer, map, rank = asked.text("layer"), asked.whole("map"), asked.whole("rank")
    places = top.of(layer, map)
    if rank >= len(places):
        raise ValueError(f"map {map} of {layer} has {len(places)} places so far, not {rank + 1}")
    found = tile(top, layer, map, places[rank])
    header = {"name": found.name, "full": found.full, "field": corners(found.field)}
    return Frame(header, {"patch": found.patch, "projection": found.projection})


def export(session: Session, asked: Asked, job: Job) -> Frame:
    """Begin to write the static pages of a layer: layer -> their folder."""
    top, layer = top_of(session, asked), asked.text("layer")
    top.of(layer, 0)  # (refused for a layer without a top nine)
    out = folder(top, layer)
    said, key = session.shared["top pages"], (asked.whole("network", 0), layer)

    def steps() -> Iterator[None]:
        total = len(top.values[layer])
        for done, _ in enumerate(pages(top, layer, out), start=1):
            said[key] = f"{done} of {total} pages are written to {out}"
            yield
        said[key] = f"All {total} pages: {out / 'index.html'}"

    session.engine.background(steps())
    return Frame({"folder": str(out)})


VIEW = View(
    "top", "top.js", {"top": best, "top-tile": one}, {"top-export": export}, start=start, order=45
)
