"""First answers of the page, computed before its address is printed.

What the page asks for as it opens needs kernels: they are loaded from Numba's cache, or compiled at
their first use ever, which takes seconds to minutes. Forward passes and what views keep with them
stay, so that the page itself gets these answers at once.
"""

from __future__ import annotations

from concurrent.futures import Future, wait
from typing import Any

from kernels.terminal.progress import say
from zfnet.look.requests import Asked
from zfnet.look.session import Session
from zfnet.look.view import Answer, all_views

PATH = ("image", "maps", "map", "project", "field", "under", "under-projection")
"""The routes that the page asks as it opens, in this order."""
PATIENCE = 1.0
"""Seconds after which the terminal says what is waited for."""
POLL = 0.2
"""Seconds between two looks, so that Ctrl-C ends the wait."""


def warm(session: Session) -> None:
    """Compute the first answers for each network on the engine thread, and wait for them.

    An answer that fails is left to the page, which shows its sentence.
    """
    jobs = [each for n in range(len(session.networks)) for each in _first(session, n)]
    _, left = wait(jobs, PATIENCE)
    if left:
        say("Loading kernels; at their first use ever they are compiled, which takes a while.")
    while left:
        _, left = wait(left, POLL)


def _first(session: Session, network: int) -> list[Future[Any]]:
    layer = session.described[network]["shown"]
    given = {"network": str(network), "layer": layer, "map": "0", "p": "0", "q": "0"}
    routes = {path: answer for view in all_views() for path, answer in view.routes.items()}
    return [_submitted(session, routes[path], Asked(given)) for path in PATH if path in routes]


def _submitted(session: Session, answer: Answer, asked: Asked) -> Future[Any]:
    return session.engine.submit(lambda job: answer(session, asked, job))[0]
