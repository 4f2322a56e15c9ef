"""Switch of the tape: recording on or off, one setting for each thread or task."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_recording: ContextVar[bool] = ContextVar("recording", default=True)


def is_recording() -> bool:
    return _recording.get()


@contextmanager
def no_grad() -> Iterator[None]:
    """Within the block no operation is recorded on the tape."""
    with recording(False):
        yield


@contextmanager
def recording(on: bool) -> Iterator[None]:
    token = _recording.set(on)
    try:
        yield
    finally:
        _recording.reset(token)
