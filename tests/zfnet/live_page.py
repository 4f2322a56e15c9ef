"""A server of the live page in a thread, for tests over a real socket."""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from zfnet.look.server import address, application, listening, new_token, server
from zfnet.look.session import Session


@dataclass(frozen=True)
class Live:
    """A running server: its port, its token, and the page's address."""

    port: int
    token: str
    session: Session

    @property
    def address(self) -> str:
        return address(self.port, self.token)


@contextmanager
def live(session: Session) -> Iterator[Live]:
    """Serve the session until the block ends."""
    bound = listening()
    port, token = bound.getsockname()[1], new_token()
    running = server(application(session, token, port))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [bound]})
    session.engine.start()
    thread.start()
    try:
        yield Live(port, token, session)
    finally:
        running.should_exit = True
        thread.join(30)
        session.engine.stop()
        bound.close()


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG file of a few bytes whose header claims this size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 64)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
