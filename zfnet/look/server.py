"""HTTP server of the live page: its files, and the views' routes.

Every path is one of a list that is made at the start: the files of `page/` by their names, and the
routes of the views. A request's path opens no other file.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from kernels.terminal.sentences import shortened
from zfnet.look.engine import Stale
from zfnet.look.frames import Frame
from zfnet.look.guard import Guard
from zfnet.look.requests import Asked
from zfnet.look.session import Session
from zfnet.look.view import Answer, View, all_views

PAGE = Path(__file__).parent / "page"
HOST = "127.0.0.1"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
FRAME = "application/octet-stream"
STALE = 204
"""Status of a request that a newer one of its channel replaced."""
FAILURES = (ValueError, TypeError, ArithmeticError, LookupError, NotImplementedError, OSError)


def application(session: Session, token: str, port: int, views: Sequence[View] = ()) -> Guard:
    """The ASGI application; views: those of the page (default: all)."""
    shown = list(views) or all_views()
    for view in shown:
        view.start(session)
    routes = [_page_file(f"/{name}", PAGE / name) for name in _files()]
    routes += [_page_file("/", PAGE / "index.html"), Route("/api/views", _listed(shown))]
    for view in shown:
        for path, answer in view.routes.items():
            routes.append(_route(session, path, answer, "GET"))
        for path, answer in view.posts.items():
            routes.append(_route(session, path, answer, "POST"))
    hosts = (f"{HOST}:{port}", f"localhost:{port}")
    return Guard(Starlette(routes=routes), token, hosts)


def _files() -> list[str]:
    """The files of the page, relative to its folder."""
    found = (file for file in PAGE.rglob("*") if file.suffix in KINDS)
    return sorted(file.relative_to(PAGE).as_posix() for file in found)


def _page_file(path: str, file: Path) -> Route:
    body, kind = file.read_bytes(), KINDS[file.suffix]

    async def answer(request: Request) -> Response:
        return Response(body, media_type=kind)

    return Route(path, answer)


def _listed(views: Sequence[View]) -> Any:
    """The endpoint with the ES modules of the views, in order."""
    body = json.dumps([view.script for view in views if view.script])

    async def answer(request: Request) -> Response:
        return Response(body, media_type="application/json")

    return answer


def _route(session: Session, path: str, compute: Answer, method: str) -> Route:
    """A view's route: its answer computed on the engine thread."""

    async def answer(request: Request) -> Response:
        given = dict(request.query_params)
        channel = given.pop("channel", "")[:200]
        asked = Asked(given, await request.body() if method == "POST" else b"")
        future, job = session.engine.submit(lambda job: compute(session, asked, job), channel)
        try:
            frame = await _finished(request, asyncio.wrap_future(future))
        except Stale:
            return Response(status_code=STALE)
        except MemoryError as error:
            return PlainTextResponse(f"out of memory: {shortened(error)}", 503)
        except FAILURES as error:
            return PlainTextResponse(shortened(error), 400)
        if frame is None:
            job.cancel()
            return Response(status_code=STALE)
        return Response(frame.encoded(), media_type=FRAME)

    return Route(f"/api/{path}", answer, methods=[method])


async def _finished(request: Request, computed: asyncio.Future[Frame]) -> Frame | None:
    """The frame; None where the browser has gone before it was computed."""
    while True:
        done, _ = await asyncio.wait([computed], timeout=0.25)
        if done:
            return computed.result()
        if await request.is_disconnected():
            computed.cancel()
            return None


def new_token() -> str:
    """128 bits that nobody guesses."""
    return secrets.token_urlsafe(16)


def listening(port: int = 0) -> socket.socket:
    """A socket on the loopback interface; port 0: a free one. ValueError if the port is taken."""
    # Of this protocol by name: only then does asyncio send at once (TCP_NODELAY); else the body of
    # an answer waits some 40 ms for the acknowledgement of its header.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except OSError as error:
        bound.close()
        raise ValueError(
            f"port {port} of {HOST} cannot be used: {error.strerror}; --port 0 takes a free one"
        ) from None
    bound.listen(64)
    return bound


class Server(uvicorn.Server):
    """A server that calls `ready` once it listens and handles Ctrl-C."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def server(app: Guard, ready: Callable[[], None] = lambda: None) -> Server:
    """A server of the application, without a log; `run(sockets=[...])` runs it until Ctrl-C."""
    return Server(
        uvicorn.Config(
            app, log_level="error", access_log=False, server_header=False, lifespan="off",
            ws="none", http="h11", timeout_graceful_shutdown=2, h11_max_incomplete_event_size=65536,
        ),
        ready,
    )  # fmt: skip


def address(port: int, token: str) -> str:
    """The page's address."""
    return f"http://{HOST}:{port}/{token}/"
