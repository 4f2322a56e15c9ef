"""Atomic and durable replacement of a file: a crash leaves the old file or the new one, whole.

The new content is written to a temporary file beside the target, flushed to disk, and renamed; then
the folder is flushed, so that the rename survives a power failure (Pillai et al., "All File Systems
Are Not Created Equal", OSDI 2014). All files of the project are written so.

The writer holds a lock on its temporary file. A temporary file that nobody has locked was left by a
process that was killed; the next process that writes into the folder removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from kernels.storage.folders import Held, in_use, make_folder, require_present, sync_folder

_NAME = re.compile(r"\.minidl-[0-9a-f]{16}\.tmp")
_swept: set[str] = set()
"""Folders that this process has rid of abandoned files already."""


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary file beside `path`; renamed to it at the end, removed if anything fails.

        with replacing("model.json") as beside:
            beside.write_text(text)

    Folders above it are made, except that a folder held by `in_use` is not made anew once it was
    removed: FolderRemoved. An OSError while writing (no space, no permission) names `path`.
    """
    target = Path(path)
    try:
        make_folder(target.parent)
        sweep_once(target.parent)
        beside, lock = _temporary(target.parent)
        try:
            yield beside
            _sync(beside)
            require_present(target)
            os.replace(beside, target)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise
        finally:
            os.close(lock)
        sync_folder(target.parent)
    except OSError as error:
        if error.errno is not None and _is_temporary(error.filename):
            error.filename, error.filename2 = str(target), None
        raise


@contextlib.contextmanager
def writing_into(folder: str | os.PathLike[str]) -> Iterator[Held]:
    """Hold a folder (`in_use`) and rid it, and those in it, of what killed writes left there."""
    with in_use(folder) as held:
        if held.depth == 1:
            sweep(folder)
            for inside in _folders_in(folder):
                sweep(inside)
        yield held


def _folders_in(folder: str | os.PathLike[str]) -> list[str]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []


def sweep(folder: str | os.PathLike[str]) -> list[str]:
    """Remove the temporary files in a folder whose writers are dead; returns their names."""
    return [name for name in temporaries(folder) if _removed(Path(folder, name))]


def sweep_once(folder: Path) -> None:
    """`sweep`, at this process's first write into the folder."""
    key = os.path.abspath(folder)
    if key not in _swept:
        _swept.add(key)
        sweep(folder)


def temporaries(folder: str | os.PathLike[str]) -> list[str]:
    """Names of the temporary files in a folder, of dead and of living writers."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return sorted(e.name for e in entries if _NAME.fullmatch(e.name))
    return []


def _temporary(folder: Path) -> tuple[Path, int]:
    """A new temporary file, and a descriptor that holds its lock."""
    while True:
        path = folder / f".minidl-{secrets.token_hex(8)}.tmp"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        with contextlib.suppress(OSError):  # a file system without locks: nothing is swept there
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)  # swept between its creation and its lock


def _removed(path: Path) -> bool:
    """Remove a temporary file unless its writer has it locked."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _is_temporary(name: object) -> bool:
    """Whether an error names a temporary file, or none, as those of `write` and `fsync` do."""
    return name is None or (isinstance(name, str) and bool(_NAME.fullmatch(Path(name).name)))


def _sync(path: Path) -> None:
    """Flush a file's content to disk, before it is renamed."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
