"""Watch over a process: files written, files read outside of a folder, programs, sockets.

An audit hook of the interpreter (PEP 578); what C code opens by itself is not seen.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = str(Path(__file__).resolve().parents[2])
COMPILED = tuple(os.path.realpath(path) for path in [os.environ.get("NUMBA_CACHE_DIR")] if path)
"""Where compiled code is cached if not beside its sources."""
LIBRARIES = (
    *COMPILED, sys.prefix, sys.base_prefix, ROOT, "/proc/", "/sys/", "/usr/", "/dev/",
)  # fmt: skip
WATCHED = re.compile(
    r"os\.(system|exec|posix_spawn|fork|remove|rename|mkdir|rmdir|chmod|symlink|link|truncate)$|"
    r"subprocess\.|socket\.|ftplib|urllib|shutil\."
)
FILES = re.compile(r"os\.(remove|rename|mkdir|rmdir|chmod|symlink|link|truncate)$")
HARMLESS = "socket.__new__", "socket.gethostname"


@dataclass
class Watch:
    """Deeds outside of what is allowed, noted from `begin` on.

    readable: folders beside the libraries', or None: reading is not watched.
    writable: folders, in which files may be written, renamed and removed.
    """

    readable: tuple[str, ...] | None = ()
    writable: tuple[str, ...] = ()
    deeds: list[str] = field(default_factory=list)
    on: bool = False

    def __post_init__(self) -> None:
        sys.addaudithook(self._hook)

    def begin(self, readable: tuple[str, ...] | None, writable: tuple[str, ...] = ()) -> None:
        self.deeds, self.readable, self.writable = [], readable, writable
        self.on = True

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open":
            self._opened(*arguments)
        elif FILES.match(event) and all(self._may_write(each) for each in arguments[:2]):
            return
        elif WATCHED.match(event) and event not in HARMLESS:
            self.deeds.append(f"{event}{arguments!r:.100}")

    def _opened(self, path: object, mode: object, flags: int | None) -> None:
        if isinstance(path, int):
            return
        writes = (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writes:
            allowed = self._may_write(path)
        else:
            inside = (*LIBRARIES, *(self.readable or ()))
            allowed = self.readable is None or _real(path).startswith(inside)
        if not allowed:
            self.deeds.append(f"open {_real(path)[:100]} {'to write' if writes else 'to read'}")

    def _may_write(self, path: object) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return True  # a mode, a descriptor
        name = _real(path)
        return "__pycache__" in name or name.startswith((*self.writable, *COMPILED, "/dev/null"))


def _real(path: object) -> str:
    return os.path.realpath(os.fsdecode(path))  # type: ignore[arg-type]
