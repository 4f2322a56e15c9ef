"""Commands whose modules are imported when they are typed.

`zfnet --help` lists every command and needs none of them. Their modules import matplotlib and
scikit-learn, which takes seconds.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import typer
from typer.core import TyperCommand
from typer.main import get_command


@dataclass(frozen=True)
class Entry:
    """A command's line in the list of commands, and where its function is.

    function: "module:name".
    summary:  the first line of the function's docstring.
    """

    function: str
    summary: str

    def load(self) -> Callable[..., None]:
        """The command's function."""
        module, name = self.function.split(":")
        found: Callable[..., None] = getattr(importlib.import_module(module), name)
        return found


class OnDemand(TyperCommand):
    """A command of the list. Its context, and so what is run, is that of its function."""

    def __init__(self, entry: Entry, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._entry = entry

    def loaded(self) -> Any:
        """The command with its options."""
        own = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        own.command(self.name)(self._entry.load())
        return get_command(own)

    def make_context(self, *arguments: Any, **keywords: Any) -> Any:
        """The context in which the loaded command has parsed the arguments."""
        return self.loaded().make_context(*arguments, **keywords)


def add(app: typer.Typer, entries: Mapping[str, Entry], panel: str | None = None) -> None:
    """List these commands in `app`, under the heading `panel`."""
    for name, entry in entries.items():
        made: Any = partial(OnDemand, entry)  # Typer calls it like a class of commands
        app.command(name, cls=made, help=entry.summary, rich_help_panel=panel)(_nothing)


def _nothing() -> None:
    """In the place of a command's function until that is imported."""
