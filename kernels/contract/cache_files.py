"""Files of Numba's cache, which several processes may write at once.

Numba keeps the compiled code of a function in one file for each signature, and an index of them.
Its own way to add one is not safe beside another process: both read the index, give the same name
to the code of two signatures, and each writes an index without the other's entry; then one
signature leads to the code of another, or to code of sources that have changed since. Here

- the index is read and written under a lock on its folder (flock; where a file system has none, an
  entry may be lost and is compiled again, but none is wrong),
- no name is ever given twice,
- code is written before the index that names it; what no index names is removed.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from numba.core import caching


@contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    """Wait for other processes that write to the folder, and have them wait."""
    directory = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)  # which unlocks it


class CacheFile(caching.IndexDataCacheFile):
    """Numba's index and data files of one function, safe beside other processes."""

    def save(self, key: Any, data: Any) -> None:
        """Add an entry."""
        with locked(self._cache_path):
            entries: dict[Any, str] = self._load_index()
            entries[key] = self._data_name_pattern.replace("{number:d}", uuid.uuid4().hex[:16])
            self._save_data(entries[key], data)
            self._save_index(entries)
            self._remove_all_but({self._index_name, *entries.values()})

    def _remove_all_but(self, kept: set[str]) -> None:
        """Remove this function's other files: old code, and what a killed process left."""
        begins = self._index_name.removesuffix("nbi")
        for name in os.listdir(self._cache_path):
            if name.startswith(begins) and name not in kept:
                with suppress(OSError):
                    os.unlink(Path(self._cache_path) / name)


caching.IndexDataCacheFile = CacheFile  # type: ignore[misc]
