"""Grey square: what is dragged over the image, and the occlusion map that fills in behind it."""

from __future__ import annotations

import numpy as np

from zfnet.deconvnet import Deconvnet, Unit
from zfnet.experiments.occlusion.measure import default_square
from zfnet.look.engine import Job
from zfnet.look.frames import Frame
from zfnet.look.occluding import Occluder, Square
from zfnet.look.projecting import corners
from zfnet.look.requests import Asked
from zfnet.look.session import Forward, Session
from zfnet.look.view import View
from zfnet.look.views.image import best
from zfnet.look.views.maps import chosen_map
from zfnet.report.pictures import contrast_stretch, full_contrast

AT_A_TIME = 16
"""Places of the occlusion map in one answer."""


def under(session: Session, asked: Asked, job: Job) -> Frame:
    """The outputs under a square: layer, map, top, left, size -> values (P,Q), best classes."""
    run = session.forward(asked)
    layer, planes, map = chosen_map(run, asked)
    found = Occluder.of(run).under(square_of(run, asked), layer, map)
    clear = planes[map]
    header = {
        "best": best(run, found.probabilities), "clear": best(run),
        "low": min(0.0, float(clear.min())), "high": float(clear.max()),
        "total": float(found.values.sum()), "clear_total": float(clear.sum()),
        "strongest": float(found.values.max()), "clear_strongest": float(clear.max()),
    }  # fmt: skip
    return Frame(header, {"values": found.values})


def projection(session: Session, asked: Asked, job: Job) -> Frame:
    """The deconvnet's projection of the map's strongest unit in the image with the square."""
    run = session.forward(asked)
    layer, _, map = chosen_map(run, asked)
    occluder = Occluder.of(run)
    square = square_of(run, asked)
    values = occluder.under(square, layer, map).values
    job.check()
    p, q = np.unravel_index(int(values.argmax()), values.shape)
    unit = Unit(map, int(p), int(q))
    x = occluder.image(square)[None]  # (3,S,S) -> (1,3,S,S)
    found = Deconvnet(run.model).project_each(x, layer, [unit])[0]
    full = full_contrast([found.crop()])
    header = {
        "p": unit.p, "q": unit.q, "value": found.value, "low": -full, "high": full,
        "field": corners(found.box),
    }  # fmt: skip
    return Frame(header, {"picture": contrast_stretch(found.pixels, scale=full)})


def occlusion(session: Session, asked: Asked, job: Job) -> Frame:
    """More of the occlusion map, the places nearest to the square first.

    layer, map, label, size, stride, top, left, count -> probability (P,P), activation (P,P), NaN
    where they are not computed yet.
    """
    run = session.forward(asked)
    layer, planes, map = chosen_map(run, asked)
    S, square = run.model.image_size, square_of(run, asked)
    stride = asked.whole("stride", max(1, square.size // 4), least=1)
    if len(range(0, S, stride)) ** 2 > 20_000:
        raise ValueError(f"a stride of {stride} gives too many places: take a larger one")
    label = asked.whole("label", best(run)[0]["class"] if run.model.has_scores else 0)
    if run.model.has_scores and label >= run.model.num_classes:
        raise ValueError(f"class {label} of {run.model.num_classes} does not exist")
    occluder = Occluder.of(run)
    filling = occluder.filling(layer, map, label, square.size, stride)
    count = min(asked.whole("count", AT_A_TIME), 64)
    job.check()
    near = filling.nearest(square.top, square.left, count)
    occluder.fill(filling, near, layer, map, label)
    name = run.network.classes[label] if run.model.has_scores else ""
    header = {
        "label": label, "name": name, "size": square.size, "stride": stride,
        "starts": list(filling.starts), "left": len(filling.missing),
        "clear": None if run.probabilities is None else float(run.probabilities[label]),
        "clear_total": float(planes[map].sum()),
    }  # fmt: skip
    return Frame(header, {"probability": filling.probability, "activation": filling.activation})


def square_of(run: Forward, asked: Asked) -> Square:
    """The square of a request; its size is that of the paper, in proportion, by default."""
    S = run.model.image_size
    size = asked.whole("size", default_square(S)[0], least=1)
    square = Square(asked.whole("top", 0), asked.whole("left", 0), size)
    if size > S or square.top >= S or square.left >= S:
        raise ValueError(f"the square must begin inside the image of {S} x {S} pixels")
    return square


VIEW = View(
    "square",
    "square.js",
    {"under": under, "under-projection": projection, "occlusion": occlusion},
    order=35,
)
