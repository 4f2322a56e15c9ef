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


class set_grad_enabled:
    """Recording on or off from the call on; as a context manager or a decorator within it alone."""

    def __init__(self, mode: bool) -> None:
        self.mode, self._before = bool(mode), _recording.get()
        _recording.set(self.mode)

    def __enter__(self) -> None:
        """The call has switched already."""

    def __exit__(self, *error: object) -> None:
        _recording.set(self._before)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        _recording.set(self._before)
        decorated: Callable[..., Any] = recording(self.mode)(function)
        return decorated


@contextmanager
def recording(on: bool) -> Iterator[None]:
    token = _recording.set(on)
    try:
        yield
    finally:
        _recording.reset(token)
