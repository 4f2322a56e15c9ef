"""Webcam: each frame through the network, and the strongest unit projected by the deconvnet."""

from __future__ import annotations

import numpy as np

from kernels.contract.geometry import Box
from zfnet.look.engine import Job
from zfnet.look.frames import Frame
from zfnet.look.projecting import Units, checked, projected, strongest_unit
from zfnet.look.requests import Asked
from zfnet.look.session import Session, run
from zfnet.look.view import View
from zfnet.look.views.image import best


def frame(session: Session, asked: Asked, job: Job) -> Frame:
    """A frame as RGBA bytes of the network's square (resize x resize): best classes, projection."""
    opened = session.opened(asked)
    p = opened.network.preprocess
    expected = p.resize * p.resize * 4
    if len(asked.body) != expected:
        raise ValueError(
            f"a frame of {len(asked.body)} bytes; {p.resize} x {p.resize} pixels of 4 are "
            f"{expected}"
        )
    side = (p.resize, p.resize, 4)
    square = np.frombuffer(asked.body, np.uint8).reshape(side)[:, :, :3]  # bytes -> (H,W,4)
    x = np.ascontiguousarray(p.centre(square).transpose(2, 0, 1))  # (S,S,3) -> (3,S,S)
    found = run(opened.network, x[None])
    layer = found.layer(asked.text("layer", opened.model.last_spatial_layer))
    map = asked.whole("map") if asked.text("map", "").isdigit() else None
    if map is not None:
        checked(found, Units(layer, (map,), Box(0, 1, 0, 1)))
    unit = strongest_unit(found, layer, map)
    box = Box(unit.p, unit.p + 1, unit.q, unit.q + 1)
    drawn = projected(found, Units(layer, (unit.map,), box), "deconvnet")
    header = {
        "best": best(found), "layer": layer, "map": unit.map, "p": unit.p, "q": unit.q,
        "value": float(found.planes(layer)[unit.map, unit.p, unit.q]), "high": drawn.full,
    }  # fmt: skip
    return Frame(header, {"pixels": p.to_pixels(x), "picture": drawn.picture})


VIEW = View("camera", "", posts={"frame": frame}, order=11)
