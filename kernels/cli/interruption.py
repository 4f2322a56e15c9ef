"""Interruption of a command by Ctrl-C or SIGTERM, after which it shows what it has."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interruptible() -> Iterator[list[bool]]:
    """Context that Ctrl-C or SIGTERM ends; yields a list that is then not empty."""
    interrupted: list[bool] = []
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield interrupted
    except KeyboardInterrupt:
        interrupted.append(True)
    finally:
        signal.signal(signal.SIGTERM, before)
