"""Access control of the live page: token, host and origin of a request, and its largest size.

Loopback does not keep other web pages out: any page in the user's browser can send requests to
127.0.0.1, and after DNS rebinding read the answers. So the address has a token, which no other page
knows; Host must be the server's own address, and Origin, where a browser sends one, its own origin.
Paths are looked up in a list of files and routes, never joined to a folder.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from urllib.parse import unquote

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY = 32 << 20
"""Bytes of a request's body, at most."""
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of every answer. The token is in the address: no referrer may carry it."""


class Guard:
    """ASGI middleware: answers 4xx itself, or strips the token and calls the application.

    token: the first part of every path. hosts: values of Host that are the server's own.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: Iterable[str]) -> None:
        self.app, self.token, self.hosts = app, token, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":  # (nothing else is served)
            return None
        refused = self._refusal(scope)
        if refused is not None:
            status, sentence = refused
            return await PlainTextResponse(sentence, status, HEADERS)(scope, receive, send)
        rest = scope["path"][1 + len(self.token) :]
        inner = {**scope, "path": rest, "raw_path": rest.encode()}
        return await self._bounded(inner, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and sentence for a request that is not answered."""
        headers = [(name.lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) != 1 or hosts[0] not in self.hosts:
            return 421, "This server answers only by its own address on the loopback interface."
        origins = [value for name, value in headers if name == b"origin"]
        if any(origin not in {f"http://{host}" for host in self.hosts} for origin in origins):
            return 403, "Requests from other origins are refused."
        if _has_dots(scope):
            return 400, "Paths with dots as a part are refused."
        first, slash, _ = scope["path"][1:].partition("/")
        if not slash or not hmac.compare_digest(first.encode(), self.token.encode()):
            return 403, "The address has no token, or another one: use the one that was printed."
        lengths = [value for name, value in headers if name == b"content-length"]
        if any(not value.isdigit() or int(value) > BODY for value in lengths):
            return 413, f"A request may have a body of {BODY >> 20} MiB."
        return None

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application with a body that was read whole, and HEADERS in the answer."""
        body = await _body(receive)
        if body is None:
            sentence = f"A request may have a body of {BODY >> 20} MiB."
            gone = {**HEADERS, "connection": "close"}  # (the rest of it is not read)
            return await PlainTextResponse(sentence, 413, gone)(scope, receive, send)
        unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def received() -> Message:
            return unread.pop() if unread else await receive()

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = {name.lower() for name, _ in message["headers"]}
                own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                added = [each for each in own if each[0] not in sent]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        return await self.app(scope, received, guarded)


async def _body(receive: Receive) -> bytes | None:
    """The request's body; None as soon as more than BODY bytes of it came."""
    parts, taken = list[bytes](), 0
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        taken += len(parts[-1])
        if taken > BODY:
            return None
        if message["type"] != "http.request" or not message.get("more_body", False):
            return b"".join(parts)


def _has_dots(scope: Scope) -> bool:
    """Whether a part of the path is "." or "..", written in any way, or it has a backslash."""
    raw = scope.get("raw_path") or scope["path"].encode()
    path = raw.decode("latin-1")
    for _ in range(3):  # (what is escaped several times)
        path = unquote(path, "latin-1")
    return "\\" in path or "\0" in path or any(p in (".", "..") for p in path.split("/"))
