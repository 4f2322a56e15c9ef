"""Invalidation of Numba's cache of compiled code.

Numba compiles a kernel once and caches the machine code beside its file, until that file changes.
But what a kernel calls is inlined into it: after a change to `cpu/micro_kernel.py`, or a `git
pull`, cached kernels would run the old code, and where caller and callee no longer match, write out
of bounds. So the stamp of every file that has to do with kernels includes a digest of all their
sources: any change recompiles whatever is called next.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from numba import config
from numba.core import caching

FOLDER = Path(__file__).parents[1]
NOT_COMPILED = ("cli", "cuda", "definition", "judge", "show", "storage", "terminal", "verify")
_PLACES = ("UserProvidedCacheLocator", "InTreeCacheLocator", "UserWideCacheLocator")


@cache
def digest() -> str:
    """Of the sources of all kernels and of what they are built from."""
    files = sorted(FOLDER.rglob("*.py"))
    compiled = [f for f in files if f.relative_to(FOLDER).parts[0] not in NOT_COMPILED]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in compiled)).hexdigest()


@cache
def built_from_kernels(file: str) -> bool:
    """Whether a file is of this package or says its name, as that of a user's kernel does."""
    return b"kernels" in Path(file).read_bytes()


def _stamped(place: str) -> Any:
    """One of Numba's places for compiled code, with the digest in its stamp."""
    base: Any = getattr(caching, place)

    class Stamped(base):
        def get_source_stamp(self) -> Any:
            stamp = super().get_source_stamp()
            return (stamp, digest()) if built_from_kernels(self._py_file) else stamp

    return Stamped


Provided, InTree, UserWide = (_stamped(place) for place in _PLACES)

if not config.CACHE_LOCATOR_CLASSES:  # type: ignore[attr-defined]
    _others = ("IPythonCacheLocator", "ZipCacheLocator")
    _names = [f"{__name__}.{name}" for name in ("Provided", "InTree", "UserWide")]
    _names += [f"{caching.__name__}.{name}" for name in _others]
    config.CACHE_LOCATOR_CLASSES = ",".join(_names)  # type: ignore[attr-defined]
