"""Exceptions of a kernel's process, brought to the judge as exceptions of the same kind."""

from __future__ import annotations

import builtins
from typing import Any

from kernels.judge.process import Ended


class KernelError(Exception):
    """An exception of the kernel's process that is none of Python's own."""


def raised(said: Any) -> BaseException:
    """The exception that the kernel raised, of the same built-in type where that is an ordinary
    one; `place` is the line that raised it."""
    name, message = plain_text(said["type"]), plain_text(said["message"])
    kind = getattr(builtins, plain_text(said["builtin"]), Exception)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return Ended(f"the kernel raises {name}: {message}".rstrip(": "))
    plain = kind.__name__ == name and kind in _PLAIN
    error = kind(message) if plain else KernelError(f"{name}: {message}")
    error.place = plain_text(said["place"])  # type: ignore[attr-defined]
    error.of_kernel = bool(said["inside"])  # type: ignore[attr-defined]
    return error


_PLAIN = (ValueError, TypeError, RuntimeError, MemoryError, IndexError, KeyError, AttributeError,
          ZeroDivisionError, FloatingPointError, OverflowError, AssertionError,
          NotImplementedError, NameError, ImportError, ArithmeticError)  # fmt: skip


def plain_text(value: object) -> str:
    """A text of the kernel's process, without what a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in str(value))[:4000]
