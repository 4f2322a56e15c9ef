"""Folders: creation that survives a power failure, and locks against a second process.

The lock is `flock` on a file in the folder: the system releases it when the process ends, however
it ends. The file names its holder, for the message that the second process gives. (The package
`filelock` empties that file when it is opened, so that the holder could not be named.)

A folder that is held is watched: its descriptor stays open, so that a folder which was removed,
moved or replaced is told from the one that was locked.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shlex
import socket
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

LOCK = ".in-use"
"""The file in a folder that its holder has locked."""
WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
UNTIL_NAMED = 0.1
"""Seconds until a lock that is refused is asked for again: who only looks holds it for less, and
who has it has written its name by then."""
ATTEMPTS = 3
LONGEST_COMMAND = 200


class FolderInUse(ValueError):
    """Another process, or another thread of this one, writes into the folder."""


class FolderRemoved(FileNotFoundError):
    """The folder was removed, moved or replaced while it was held."""


@dataclass(eq=False)
class Held:
    """A folder that this process holds; `lock` is None where the file system has no locks."""

    folder: Path
    descriptor: int
    lock: int | None
    made: tuple[Path, ...] = ()
    thread: int = field(default_factory=threading.get_ident)
    depth: int = 1

    def require(self) -> None:
        """FolderRemoved unless the folder is still the one that was locked, with its lock.

        A removal beside writes may leave the folder: it takes the lock's file and finds new ones.
        """
        locked = self.lock is None or _is_at(self.folder / LOCK, self.lock)
        if not (locked and _is_at(self.folder, self.descriptor)):
            raise FolderRemoved(
                f"the folder {self.folder} was removed or moved while this process was writing "
                "into it; nothing more is written"
            )


_held: list[Held] = []
_guard = threading.Lock()


@contextlib.contextmanager
def in_use(folder: str | os.PathLike[str]) -> Iterator[Held]:
    """Hold a folder, which is made if need be, while this process writes into it.

    Within it the same thread may hold it again. FolderInUse if another process or thread holds it:
    the message names the folder and the process. A folder that was made and stays empty is removed
    at the end.
    """
    with _guard:
        held = _hold(Path(os.path.abspath(folder)))
    try:
        yield held
    finally:
        with _guard:
            held.depth -= 1
            if held.depth == 0 and held in _held:
                _release(held)


def make_folder(folder: Path) -> tuple[Path, ...]:
    """Make a folder and those above it, durably; returns those that it made, the deepest first.

    FolderRemoved instead of making anew a folder that this process holds, ValueError for a file.
    """
    require_present(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file, where a folder is needed")
    missing = [f for f in (folder, *folder.parents) if not f.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        sync_folder(made.parent)
    return tuple(missing)


def require_present(path: Path) -> None:
    """FolderRemoved if `path` is, or lies in, a folder that this process holds and that is gone."""
    if _held:
        whole = Path(os.path.abspath(path))
        for held in tuple(_held):
            if held.folder == whole or held.folder in whole.parents:
                held.require()


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of names to disk: a rename in it is durable from then on."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that cannot do it
            error.filename = str(folder)
            raise
    finally:
        os.close(descriptor)


def holder_of(folder: Path) -> str | None:
    """The process that holds a folder, in words; None if none does. Changes nothing."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(folder / LOCK)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None


def _hold(folder: Path) -> Held:
    """The folder held; anew if another process, which had made it too, removed it in between."""
    for _ in range(ATTEMPTS):
        with contextlib.suppress(FileNotFoundError):
            return _held_once(folder)
    return _held_once(folder)


def _held_once(folder: Path) -> Held:
    made = make_folder(folder)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for held in _held:
            if os.path.samestat(os.fstat(held.descriptor), os.fstat(descriptor)):
                os.close(descriptor)
                return _again(held)
        held = Held(folder, descriptor, _locked(folder), made)
    except BaseException:
        with contextlib.suppress(OSError):
            os.close(descriptor)
        _remove_empty(made)
        raise
    _held.append(held)
    return held


def _again(held: Held) -> Held:
    if held.thread != threading.get_ident():
        raise FolderInUse(
            f"{held.folder} is in use by another thread of this process; give another folder"
        )
    held.depth += 1
    return held


def _locked(folder: Path) -> int | None:
    """The descriptor of the folder's lock file, locked."""
    path = folder / LOCK
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(descriptor)
            if _is_at(path, descriptor):
                _write_name(descriptor)
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise FolderInUse(
                f"{folder} is in use by {_holder(path)}; wait until it ends, or give another folder"
            ) from None
        except OSError as error:
            os.close(descriptor)
            if error.errno not in WITHOUT_LOCKS:
                error.filename = str(path)
                raise
            warnings.warn(
                f"the file system of {folder} has no locks ({error.strerror}): a second process "
                "that writes there is not noticed",
                stacklevel=5,
            )
            return None
        os.close(descriptor)  # its holder ended in between, and removed the file


def _lock(descriptor: int) -> None:
    """Lock an open file; BlockingIOError if another has it locked, and still after a moment."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(UNTIL_NAMED)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the open file, or folder, is still the one of that name."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except (FileNotFoundError, NotADirectoryError):
        return False


def _write_name(descriptor: int) -> None:
    """Write who this process is; a disk without room for it does not prevent the lock."""
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])[:LONGEST_COMMAND]
    name = {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "command": command.encode(errors="backslashreplace").decode(),  # names need not be UTF-8
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(name).encode())


def _holder(path: Path) -> str:
    try:
        name = json.loads(path.read_text(encoding="utf-8"))
        return (
            f"process {name['process']} on {name['host']} (`{name['command']}`, since "
            f"{name['since']})"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _release(held: Held) -> None:
    """Give a folder back; the lock file is removed while it is locked still."""
    _held.remove(held)
    if held.lock is not None:
        path = held.folder / LOCK
        if _is_at(path, held.lock):
            with contextlib.suppress(OSError):
                path.unlink()
        os.close(held.lock)
    if _is_at(held.folder, held.descriptor):
        _remove_empty(held.made)
    os.close(held.descriptor)


def _remove_empty(made: tuple[Path, ...]) -> None:
    with contextlib.suppress(OSError):  # something is in it
        for folder in made:
            folder.rmdir()


def _forget() -> None:
    """In a forked child: the parent alone holds its folders."""
    for held in _held:
        os.close(held.descriptor)
        if held.lock is not None:
            os.close(held.lock)
    _held.clear()


os.register_at_fork(after_in_child=_forget)
