"""Unit: projections of the chosen units by several rules."""

from __future__ import annotations

from kernels.contract.geometry import Box
from zfnet.attribution.methods import method_named
from zfnet.look.engine import Job
from zfnet.look.frames import Frame
from zfnet.look.projecting import Units, checked, corners, projected, strongest_unit
from zfnet.look.requests import Asked
from zfnet.look.session import Forward, Session
from zfnet.look.view import View


def project(session: Session, asked: Asked, job: Job) -> Frame:
    """Units projected: layer, map ("3", "3,5" or none), p, q (or region), rules.

    Without p and q the strongest unit of the map, without map that of the layer.
    """
    run = session.forward(asked)
    methods = asked.names("rules", "deconvnet,guided,gradient")
    for name in methods:
        method_named(name)  # (refused before anything is computed)
    units = chosen_units(run, asked)
    pictures, headers, failures = {}, [], {}
    for name in methods:
        job.check()
        try:
            drawn = projected(run, units, name, job.give_way)
        except ValueError as error:  # (of this rule alone; the others are shown)
            failures[name] = str(error)
            continue
        headers.append(drawn.header())
        pictures[name] = drawn.picture
    values = run.planes(units.layer)[list(units.maps)]
    box = units.region
    part = values[:, box.top : box.bottom, box.left : box.right]
    header = {
        "layer": units.layer, "maps": list(units.maps), "region": corners(box),
        "value": float(part.max()), "sum": float(part.sum()), "drawn": headers,
        "failures": failures, "field": corners(_shown_field(run, units)),
    }  # fmt: skip
    return Frame(header, pictures)


def chosen_units(run: Forward, asked: Asked) -> Units:
    """The units of a request."""
    layer = run.layer(asked.text("layer"))
    maps = [part for part in asked.text("map", "").split(",") if part]
    numbers = tuple(Asked({"map": part}).whole("map") for part in maps[:64])
    if asked.has("region"):
        sides = [Asked({"region": s}).whole("region") for s in asked.text("region").split(",")]
        if len(sides) != 4:
            raise ValueError("a region is four numbers: top, bottom, left, right")
        return checked(run, Units(layer, numbers, Box(*sides)))
    if numbers and asked.has("p"):
        p, q = asked.whole("p"), asked.whole("q", 0)
        return checked(run, Units(layer, numbers, Box(p, p + 1, q, q + 1)))
    _, P, Q = run.planes(layer).shape
    if len(numbers) > 1:  # several maps: all of their places
        return checked(run, Units(layer, numbers, Box(0, P, 0, Q)))
    if numbers:
        checked(run, Units(layer, numbers, Box(0, P, 0, Q)))
    unit = strongest_unit(run, layer, numbers[0] if numbers else None)
    box = Box(unit.p, unit.p + 1, unit.q, unit.q + 1)
    return Units(layer, (unit.map,), box)


def _shown_field(run: Forward, units: Units) -> Box:
    """The receptive field of all the places."""
    box = units.region
    a = run.field(units.layer, box.top, box.left)
    b = run.field(units.layer, box.bottom - 1, box.right - 1)
    return Box(
        min(a.top, b.top), max(a.bottom, b.bottom), min(a.left, b.left), max(a.right, b.right)
    )


VIEW = View("unit", "unit.js", {"project": project}, order=40)
