"""Image files below a folder, in the same order on every machine, with a rule for symbolic links.

A link to something inside the data's folder is followed. One that leads out of it is passed over
and counted, unless the caller wants it followed: an archive from elsewhere could name any file of
this machine. Hidden files, and folders that archives and servers add, are ignored.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from zfnet.data.images import SUFFIXES

IGNORED = frozenset({"__macosx", "@eadir"})
"""Folders of resource forks (archives from macOS) and of thumbnails (Synology), in lower case."""


class Tree:
    """The images below a folder `root`. Files are selected by suffix and are not opened here.

    follow_links: also links that lead out of `root`.
    ValueError unless `root` is a folder.
    """

    def __init__(self, root: str | Path, *, follow_links: bool = False) -> None:
        self.root = existing(root)
        self._real = os.path.realpath(self.root)
        self._follow = follow_links
        self._passed: set[str] = set()

    def images_under(self, folder: Path) -> list[Path]:
        """Images in `folder` and in all folders below it, by path."""
        return sorted(self._walk(folder), key=lambda path: path.relative_to(folder).as_posix())

    def images_in(self, folder: Path) -> list[Path]:
        """Images directly in `folder`, by name."""
        return [Path(e.path) for e in self._entries(folder) if _is_image(e.name) and e.is_file()]

    def folders(self, folder: Path) -> list[Path]:
        """The folders directly in `folder`, by name."""
        return [Path(e.path) for e in self._entries(folder) if _is_folder(e)]

    def class_names(self, folder: Path) -> list[str]:
        """Names of the folders in `folder` that have an image somewhere inside."""
        return [inside.name for inside in self.folders(folder) if self.has_images(inside)]

    def has_classes(self, folder: Path) -> bool:
        """Whether class_names(folder) is not empty; stops at the first."""
        return any(map(self.has_images, self.folders(folder)))

    def has_images(self, folder: Path) -> bool:
        """Whether there is an image in `folder` or below it."""
        return any(True for _ in self._walk(folder))

    def leads_out(self, path: Path) -> bool:
        """Whether a path that a list names leads out of the root by a link not followed."""
        outside = not self._follow and not _contains(self._real, os.path.realpath(path))
        if outside:
            self._passed.add(path.relative_to(self.root).as_posix())
        return outside

    def passed_over(self) -> str:
        """A sentence about the links that were passed over so far; empty without any."""
        if not self._passed:
            return ""
        count, first = len(self._passed), min(self._passed)
        links = "1 symbolic link that leads" if count == 1 else f"{count} symbolic links that lead"
        return (
            f"{links} out of {self.root} passed over, the first {first}; --follow-links "
            "(follow_links=True) follows them"
        )

    def _walk(self, folder: Path) -> Iterator[Path]:
        """Each real folder is visited once, before the links, so that no circle is endless."""
        folders, links, seen = deque([folder]), deque[Path](), set[str]()
        while folders or links:
            place = folders.popleft() if folders else links.popleft()
            real = os.path.realpath(place)
            if real in seen:
                continue
            seen.add(real)
            for entry in self._entries(place):
                if _is_folder(entry):
                    (links if entry.is_symlink() else folders).append(Path(entry.path))
                elif _is_image(entry.name):
                    yield Path(entry.path)

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        """What is visible in `folder`, by name, without links that are not followed."""
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            raise ValueError(f"cannot list the folder {folder}: {error.strerror}") from error
        return [entry for entry in entries if _is_listed(entry.name) and self._admits(entry)]

    def _admits(self, entry: os.DirEntry[str]) -> bool:
        if not entry.is_symlink():
            return True
        target, place = os.path.realpath(entry.path), os.path.realpath(os.path.dirname(entry.path))
        if _contains(target, place):  # it leads back to where it stands
            return False
        if self._follow or _contains(self._real, target):
            return True
        if _is_folder(entry) or _is_image(entry.name):
            self._passed.add(Path(entry.path).relative_to(self.root).as_posix())
        return False


def existing(root: str | Path) -> Path:
    """`root` as a Path. Raises ValueError unless it is a folder."""
    root = Path(root)
    if not root.is_dir():
        what = "is a file, not a folder" if root.exists() else "does not exist"
        raise ValueError(f"the data folder {root} {what}")
    return root


def _is_listed(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in IGNORED


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()


def _contains(folder: str, path: str) -> bool:
    """Whether `path` is `folder` or below it; both without links in them."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
