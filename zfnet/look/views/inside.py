"""Inside one number: the operands of a unit, of a Winograd tile, and of a step back."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.contract.geometry import ConvGeometry
from minidl import nn
from zfnet.dependence_rules import geometry
from zfnet.look.engine import Job
from zfnet.look.frames import Frame
from zfnet.look.inside import shown
from zfnet.look.inside.layer import inside
from zfnet.look.inside.projected import Projected, arrays, project
from zfnet.look.inside.step import given, received
from zfnet.look.inside.unit import Unit, filter_of, unit_of
from zfnet.look.inside.winograd_tile import winograd_tile
from zfnet.look.projecting import strongest_unit
from zfnet.look.requests import Asked
from zfnet.look.session import Forward, Session
from zfnet.look.view import View


def unit(session: Session, asked: Asked, job: Job) -> Frame:
    """The numbers that give one unit; without p and q the strongest of its map, without a map the
    strongest of its layer."""
    run = session.forward(asked)
    found = inside(_unit(run, asked))
    header, sent = shown.parts(found.parts)
    described = {**_described(run, found.unit), **header}
    compared = shown.comparison(found.compared)
    return Frame({**described, "factor": found.factor, "compared": compared}, sent)


def tile(session: Session, asked: Asked, job: Job) -> Frame:
    """The Winograd tile of a convolution's unit, of one channel and phase of the stride."""
    run = session.forward(asked)
    own = _unit(run, asked)
    g = geometry(own.layer, own.x.shape) if isinstance(own.layer, nn.Conv2d) else None
    if not isinstance(g, ConvGeometry):
        raise ValueError(f"{own.name} is no convolution: it has no Winograd tile")
    found = winograd_tile(own.x, *_reordered(own, g))
    channel, phase = asked.whole("channel", 0), asked.whole("phase", 0)
    if channel >= g.C // g.groups or phase >= len(found.phases):
        raise ValueError(
            f"the tile has {g.C // g.groups} channels and {len(found.phases)} phases, not channel "
            f"{channel} of phase {phase}"
        )
    header, sent = shown.tile(found, channel, phase)
    return Frame({**_described(run, own), **header}, sent)


def _reordered(own: Unit, g: ConvGeometry) -> tuple[Any, ...]:
    """The filter, the geometry, the output and the bias of a convolution's unit."""
    filter, bias = filter_of(own, own.index[1])
    return filter, g, own.index, bias


def step(session: Session, asked: Asked, job: Job) -> Frame:
    """One layer's step back in the projection of a unit: what an element of its input gets.

    through: the layer; the unit's own where it is none on the way to the image.
    rule:    a table of rules.    source: which of the layer's inputs.
    c, h, w: the element; by default the one that gets the most.
    """
    run = session.forward(asked)
    projected = _projected(run, asked)
    job.check()
    name, source = asked.text("through", ""), asked.whole("source", 0)
    name = name if name in projected.cotangents else projected.layer
    sources = run.model.wiring()[name]
    if source >= len(sources):
        raise ValueError(f"{name} has {len(sources)} inputs, none of number {source}")
    at = _element(projected, sources[source], asked)
    found = received(projected, name, at, source)
    header, sent = shown.parts(found.parts)
    own = {
        "layer": projected.layer, "unit": list(projected.at),
        "planes": list(run.model.unit_planes(projected.layer)),
        "through": name, "through_kind": _kind(run, name),
        "rule": projected.rule, "sources": list(sources), "source": source,
        "shape": list(_planes(projected, sources[source]).shape), "at": list(at),
        "way": shown.on_the_way(projected), "cotangent": found.total,
        "readers": list(found.readers),
    }  # fmt: skip
    compared = shown.comparison(found.compared)
    return Frame({**header, **own, "compared": compared}, sent)


def scattered(session: Session, asked: Asked, job: Job) -> Frame:
    """What one output (k,p,q) of the convolution `through` gives to the pixels of its window; by
    default the output with the largest value."""
    run = session.forward(asked)
    projected = _projected(run, asked)
    name = asked.text("through")
    at = _element(projected, name, asked, ("k", "i", "j"))
    header, sent = shown.scatter(given(projected, name, at))
    return Frame({**header, "through": name, "at": list(at)}, sent)


def _unit(run: Forward, asked: Asked) -> Unit:
    name = run.layer(asked.text("layer", "") or run.model.shown_layers[-1])
    every = {nn.INPUT: run.x.numpy(), **arrays(run.outputs)}
    return unit_of(run.model, every, name, _place(run, name, asked))


def _place(run: Forward, name: str, asked: Asked) -> tuple[int, int, int]:
    """The unit of the request."""
    map = asked.whole("map") if asked.has("map") else None
    K, _, _ = run.model.unit_planes(name)
    if map is not None and map >= K:
        raise ValueError(f"{name} has the maps 0 to {K - 1}, not {map}")
    if map is not None and asked.has("p") and asked.has("q"):
        return map, asked.whole("p"), asked.whole("q")
    unit = strongest_unit(run, name, map)
    return unit.map, unit.p, unit.q


def _described(run: Forward, own: Unit) -> dict[str, Any]:
    """Names of a unit, its layer and that layer's inputs."""
    planes = run.model.unit_planes(own.name)
    at = _unit_at(run, own)
    together = next((r.names for r in run.model.plan() if own.name in r.names), (own.name,))
    return {
        "layer": own.name,
        "layer_kind": _kind(run, own.name),
        "unit": list(at),
        "planes": list(planes),
        "inputs": list(run.model.wiring()[own.name]),
        "settings": _settings(own.layer),
        "together": list(together) if len(together) > 1 else [],
    }


def _unit_at(run: Forward, own: Unit) -> tuple[int, int, int]:
    """(map,p,q) of the unit."""
    marks = np.zeros(own.y.shape, bool)
    marks[own.index] = True
    k, p, q = np.argwhere(run.model.layout(own.name).planar(marks)[0])[0]
    return int(k), int(p), int(q)


def _settings(layer: nn.Module) -> dict[str, Any]:
    found = getattr(layer, "settings", {})
    return {key: value for key, value in found.items() if isinstance(value, int | float | tuple)}


def _kind(run: Forward, name: str) -> str:
    return type(dict(run.model.children())[name]).__name__


def _projected(run: Forward, asked: Asked) -> Projected:
    """The projection of the request's unit, kept while the next request has the same."""
    name = run.layer(asked.text("layer", "") or run.model.shown_layers[-1])
    at, rule = _place(run, name, asked), asked.text("rule", "deconvnet")
    key, kept = (name, at, rule), run.notes.get("inside step")
    if isinstance(kept, tuple) and kept[0] == key:
        found: Projected = kept[1]
        return found
    made = project(run.model, run.x, run.outputs, name, at, rule)
    run.notes["inside step"] = key, made
    return made


def _element(
    projected: Projected, source: str, asked: Asked, names: tuple[str, ...] = ("c", "h", "w")
) -> tuple[int, int, int]:
    """The element of the request, or the one with the largest cotangent."""
    if all(asked.has(name) for name in names):
        c, h, w = (asked.whole(name) for name in names)
        return c, h, w
    planes = np.abs(_planes(projected, source))
    largest = np.unravel_index(int(np.argmax(planes)), planes.shape)
    return int(largest[0]), int(largest[1]), int(largest[2])


def _planes(projected: Projected, source: str) -> np.ndarray:
    """The cotangents of a layer's output, or of the image, as planes (K,P,Q)."""
    if source not in projected.cotangents:
        raise ValueError(f"{source} is not between {projected.layer} and the image")
    found = projected.cotangents[source]
    if source == nn.INPUT:
        return found[0]
    return np.asarray(projected.model.layout(source).planar(found)[0])


VIEW = View(
    "inside",
    "inside.js",
    {"inside": unit, "inside-tile": tile, "inside-step": step, "inside-scattered": scattered},
    order=60,
)
