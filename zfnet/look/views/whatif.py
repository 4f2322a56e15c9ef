"""Effect of edits ("what if"): classes, the chosen map and its projection before and after."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.contract.geometry import Box
from zfnet.look.engine import Job
from zfnet.look.frames import Frame
from zfnet.look.projecting import Units, projected, strongest_unit
from zfnet.look.requests import Asked
from zfnet.look.session import Forward, Session
from zfnet.look.view import View
from zfnet.look.whatif import change

BEST = 5
NAME = "whatif"


def before_and_after(session: Session, asked: Asked, job: Job) -> Frame:
    """layer, map, variant -> header {classes, unit, low, high, full}; before, after (P,Q) of the
    map, and the projections of its strongest units as pictures (S,S,3) uint8."""
    plain = session.forward(Asked({k: v for k, v in asked.given.items() if k != "variant"}))
    job.check()
    changed = session.forward(asked)
    job.check()
    name = plain.layer(asked.text("layer", "") or plain.model.shown_layers[-1])
    map = _map(plain, name, asked)
    planes = [run.planes(name)[map] for run in (plain, changed)]
    drawn = [_projection(run, name, map) for run in (plain, changed)]
    header = {
        "layer": name, "map": map, "maps": plain.model.unit_planes(name)[0],
        "kind": type(dict(plain.model.children())[name]).__name__,
        "low": float(min(p.min() for p in planes)), "high": float(max(p.max() for p in planes)),
        "full": [each[1] for each in drawn], "units": [each[2] for each in drawn],
        "classes": _classes(plain, changed),
    }  # fmt: skip
    arrays = {"before": planes[0], "after": planes[1]}
    pictures = {"projected_before": drawn[0][0], "projected_after": drawn[1][0]}
    return Frame(header, {**arrays, **pictures})


def _map(run: Forward, name: str, asked: Asked) -> int:
    """The map of the request; by default that of the strongest unit without the edits."""
    K, _, _ = run.model.unit_planes(name)
    map = asked.whole("map") if asked.has("map") else strongest_unit(run, name).map
    if map >= K:
        raise ValueError(f"{name} has the maps 0 to {K - 1}, not {map}")
    return map


def _projection(run: Forward, name: str, map: int) -> tuple[np.ndarray, float, list[float]]:
    """The picture of the map's strongest unit by the deconvnet, the value of its full contrast, and
    the unit: p, q and its value."""
    unit = strongest_unit(run, name, map)
    box = Box(unit.p, unit.p + 1, unit.q, unit.q + 1)
    found = projected(run, Units(name, (map,), box), "deconvnet")
    value = float(run.planes(name)[map, unit.p, unit.q])
    return found.picture, found.full, [unit.p, unit.q, value]


def _classes(plain: Forward, changed: Forward) -> list[dict[str, Any]]:
    """The most probable classes of either, with both probabilities."""
    before, after = plain.probabilities, changed.probabilities
    if before is None or after is None:
        return []
    best = [c for p in (before, after) for c in np.argsort(-p, kind="stable")[:BEST].tolist()]
    names = plain.network.classes
    return [
        {"class": c, "name": names[c], "before": float(before[c]), "after": float(after[c])}
        for c in dict.fromkeys(best)
    ]


def start(session: Session) -> None:
    session.variants[NAME] = change


VIEW = View(NAME, "whatif.js", {NAME: before_and_after}, start=start, order=70)
