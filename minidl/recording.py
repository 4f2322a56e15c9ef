"""Switch of the tape: recording on or off, one setting for each thread or task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_recording: ContextVar[bool] = ContextVar("recording", default=True)


def is_recording() -> bool:
    return _recording.get()


def no_grad(function: Callable[..., Any] | None = None) -> Any:
    """Within the block no operation is recorded on the tape: `with no_grad():`.

    As a decorator, `@no_grad()` or `@no_grad`, within the function.
    """
    return recording(False) if function is None else recording(False)(function)


inference_mode = no_grad
"""PyTorch's name for a block without the tape; its results may be used on the tape all the same."""


def enable_grad(function: Callable[..., Any] | None = None) -> Any:
    """Within the block, or the function, operations are recorded, also inside of `no_grad`."""
    return recording(True) if function is None else recording(True)(function)


@contextmanager
def recording(on: bool) -> Iterator[None]:
    token = _recording.set(on)
    try:
        yield
    finally:
        _recording.reset(token)
