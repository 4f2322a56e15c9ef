"""Place: one pixel of the image through all layers, with the strongest unit above it in each."""

from __future__ import annotations

import numpy as np

from zfnet.look.engine import Job
from zfnet.look.frames import Frame
from zfnet.look.requests import Asked
from zfnet.look.session import Session
from zfnet.look.view import View


def through(session: Session, asked: Asked, job: Job) -> Frame:
    """In each layer with places, the strongest unit at the place nearest to a pixel: y, x."""
    run = session.forward(asked)
    S = run.model.image_size
    y, x = min(asked.whole("y"), S - 1), min(asked.whole("x"), S - 1)
    rows = []
    for name in run.model.layer_names():
        if name not in run.outputs or not run.model.is_planar(name):
            continue
        _, P, Q = run.model.unit_planes(name)
        if P * Q <= 1 or run.model.layout(name).grid is not None:
            continue
        p, q = min(y * P // S, P - 1), min(x * Q // S, Q - 1)
        values = run.planes(name)[:, p, q]
        best = int(np.nan_to_num(values, nan=-np.inf).argmax())
        rows.append({"layer": name, "map": best, "p": p, "q": q, "value": float(values[best])})
    return Frame({"rows": rows})


VIEW = View("place", "place.js", {"place": through}, order=12)
