"""View: a part of the page, as its Python module declares it; and the list of all views."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from zfnet.look import views as package
from zfnet.look.engine import Job
from zfnet.look.frames import Frame
from zfnet.look.requests import Asked
from zfnet.look.session import Session

Answer = Callable[[Session, Asked, Job], Frame]


@dataclass(frozen=True)
class View:
    """A part of the page.

    name:   of the view; script: its ES module in `page/views/`, "" for a view without one.
    routes: functions that answer `api/NAME`, on the engine thread.
    posts:  the same for POST requests with a body.
    start:  called once with the session, before the server listens.
    order:  of its section on the page.
    """

    name: str
    script: str
    routes: Mapping[str, Answer] = field(default_factory=dict)
    posts: Mapping[str, Answer] = field(default_factory=dict)
    start: Callable[[Session], None] = lambda session: None
    order: int = 50


def all_views() -> list[View]:
    """The `VIEW` of every module in `zfnet/look/views`, in the order of the page."""
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    found = [module.VIEW for module in modules if hasattr(module, "VIEW")]
    return sorted(found, key=lambda view: (view.order, view.name))
