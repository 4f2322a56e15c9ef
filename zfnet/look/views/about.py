"""About: the networks with their layers and wiring, and the colour maps of the page."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np

from minidl import nn
from zfnet.attribution import METHODS
from zfnet.attribution.drawing import DIVERGING, SEQUENTIAL
from zfnet.inspectable import InspectableGraph
from zfnet.look.engine import Job
from zfnet.look.frames import Frame
from zfnet.look.requests import Asked
from zfnet.look.session import Opened, Session
from zfnet.look.view import View


def about(session: Session, asked: Asked, job: Job) -> Frame:
    """The networks, the methods of attribution, and colour maps (256,3) uint8."""
    header = {
        "networks": session.described,
        "methods": [{"name": m.name, "title": m.title, "kind": m.kind} for m in METHODS.values()],
    }
    return Frame(header, {"magma": _table(SEQUENTIAL), "diverging": _table(DIVERGING)})


def start(session: Session) -> None:
    """Describe the networks before the first page asks: shapes and wiring take a while."""
    session.described = [described(opened) for opened in session.networks]


def described(opened: Opened) -> dict[str, Any]:
    """A network for the page."""
    model = opened.model
    return {
        "name": opened.name,
        "size": model.image_size,
        "resize": opened.network.preprocess.resize,
        "fit": opened.network.preprocess.fit,
        "classes": list(opened.network.classes),
        "scores": model.scores if model.has_scores else "",
        "parameters": model.parameter_count,
        "layers": _layers(model),
        "shown": model.shown_layers[-1],
    }


def _layers(model: InspectableGraph) -> list[dict[str, Any]]:
    """The layers that lead to the output, each after its inputs."""
    kinds, wiring, below = dict(model.children()), model.wiring(), model.below(model.output)
    return [
        {
            "name": name,
            "kind": type(kinds[name]).__name__,
            "units": model.unit_planes(name),
            "inputs": [source for source in wiring[name] if source != nn.INPUT],
            "first": nn.INPUT in wiring[name],
        }
        for name in model.layer_names()
        if name in below
    ]


def _table(name: str) -> np.ndarray:
    """A colour map of matplotlib, (256,3) uint8."""
    found = matplotlib.colormaps[name](np.arange(256), bytes=True)[:, :3]
    return np.ascontiguousarray(found, np.uint8)


VIEW = View("about", "", {"about": about}, start=start, order=0)
