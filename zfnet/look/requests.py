"""Parameters of a request to a view, read with one-sentence errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LONGEST = 4096
"""Characters of one parameter."""


@dataclass(frozen=True)
class Asked:
    """The parameters of one request, and its body where it has one.

    All methods raise ValueError for a parameter that is missing or of another form.
    """

    given: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def text(self, name: str, default: str | None = None) -> str:
        """The parameter as it is."""
        found = self.given.get(name, default)
        if found is None:
            raise ValueError(f"the request has no {name}")
        if len(found) > LONGEST:
            raise ValueError(f"{name} has {len(found)} characters, more than {LONGEST}")
        return found

    def whole(self, name: str, default: int | None = None, *, least: int = 0) -> int:
        """A whole number from `least` on."""
        found = self.text(name, None if default is None else str(default))
        if not (found.removeprefix("-").isascii() and found.removeprefix("-").isdigit()):
            raise ValueError(f"{name} is {found!r}: it takes a whole number")
        if len(found) > 12 or int(found) < least:
            raise ValueError(f"{name} is {found}: it takes a whole number from {least} on")
        return int(found)

    def names(self, name: str, default: str = "") -> tuple[str, ...]:
        """Names with commas."""
        return tuple(part for part in self.text(name, default).split(",") if part)

    def has(self, name: str) -> bool:
        """Whether the parameter was given."""
        return name in self.given
