"""Messages between the judging process and the process of a kernel.

A message is a text in JSON and a block of bytes. The judge's messages also carry geometries and
options as pickled objects; from the kernel's process, which is not trusted, nothing is unpickled.
"""

from __future__ import annotations

import json
import pickle
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any

HEAD = struct.Struct("<QQ")
"""Bytes of the text and of the block that follow it."""
DONE = {"done": True}
"""The word that a timed call is done; its results follow."""
MOST_TEXT, MOST_BLOCK = 1 << 24, 1 << 33
"""Bytes that a process may send in one message."""


class Closed(Exception):
    """The other process has closed the connection, or has ended."""


class Garbled(Exception):
    """What arrived is no message."""


class Late(Exception):
    """No message arrived in time."""


@dataclass(frozen=True)
class ArrayRef:
    """An array in the shared memory: the byte of its first element, and how its memory is read."""

    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str
    writeable: bool


@dataclass(frozen=True)
class PreparedRef:
    """Prepared weights that the kernel's process holds, by number."""

    number: int


def send(to: socket.socket, text: Any, block: bytes | memoryview = b"") -> None:
    """Sends a message of JSON's types, with a block of bytes."""
    encoded = json.dumps(text).encode()
    try:
        to.sendall(HEAD.pack(len(encoded), len(block)))
        to.sendall(encoded)
        if len(block):
            to.sendall(block)
    except (BrokenPipeError, ConnectionError) as error:
        raise Closed from error


def receive(source: socket.socket, seconds: float | None = None) -> tuple[Any, bytearray]:
    """The next message. Late after `seconds`, Closed at the end, Garbled if it is no message."""
    until = None if seconds is None else time.monotonic() + seconds
    head = HEAD.unpack(_bytes(source, HEAD.size, until))
    if head[0] > MOST_TEXT or head[1] > MOST_BLOCK:
        raise Garbled(f"a message of {head[0]:,} and {head[1]:,} bytes")
    encoded, block = _bytes(source, head[0], until), _bytes(source, head[1], until)
    try:
        return json.loads(encoded.decode()), block
    except (ValueError, RecursionError) as error:
        raise Garbled(str(error)) from error


def _bytes(source: socket.socket, count: int, until: float | None) -> bytearray:
    found = bytearray(count)
    view, done = memoryview(found), 0
    while done < count:
        if until is not None:
            source.settimeout(max(until - time.monotonic(), 1e-3))
        try:
            part = source.recv_into(view[done:])
        except TimeoutError as error:
            raise Late from error
        except ConnectionError as error:
            raise Closed from error
        if not part:
            raise Closed
        done += part
    source.settimeout(None)
    return found


def send_request(to: socket.socket, what: str, **given: Any) -> None:
    """A request of the judge: its name, and any objects."""
    send(to, what, pickle.dumps(given, protocol=pickle.HIGHEST_PROTOCOL))


def receive_request(source: socket.socket) -> tuple[str, dict[str, Any]]:
    """The judge's next request; only the kernel's process, which trusts the judge, calls this."""
    what, block = receive(source)
    return str(what), pickle.loads(block)
