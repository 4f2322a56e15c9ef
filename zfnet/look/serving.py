"""Run of the server: engine and socket started, served until Ctrl-C, both stopped."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress

from zfnet.look.server import address, application, listening, new_token, server
from zfnet.look.session import Session
from zfnet.look.warming import warm

SWITCH = 5e-4
"""Seconds after which Python's threads take turns, by default ten times as many: the server's
thread answers while the engine's computes."""


def serve(session: Session, port: int = 0, ready: Callable[[str], None] = print) -> None:
    """Serve the page until Ctrl-C; `ready` gets its address once it can be opened."""
    bound = listening(port)
    try:
        taken, token = bound.getsockname()[1], new_token()
        app = application(session, token, taken)
        running = server(app, lambda: ready(address(taken, token)))
        session.engine.start()
        sys.setswitchinterval(SWITCH)
        with suppress(KeyboardInterrupt):  # (which uvicorn raises again after a clean end)
            warm(session)
            running.run(sockets=[bound])
    finally:
        session.engine.stop()
        bound.close()
