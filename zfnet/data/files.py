"""Lists of image files in a folder, in the same order on every machine.

Files are selected by suffix and sorted by name, so that an index means the same image on every
machine. Files are not opened here. Names with a leading dot are ignored.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from kernels.terminal.printable import printable
from zfnet.data.dataset import Truth
from zfnet.data.images import SUFFIXES, read_image

# Files that name ImageNet's classes, a line "n01440764 tench, Tinca tinca".
SYNSET_FILES = ("words.txt", "synset_words.txt", "LOC_synset_mapping.txt")

Box = tuple[int, int, int, int]


class ImageFiles:
    """Image files under a root, each with a label: the common base of the layouts (see Dataset)."""

    def __init__(
        self, root: Path, classes: Iterable[str], rows: Iterable[tuple[str, int, Box | None]]
    ) -> None:
        self.name = str(root)
        self.classes = distinct(printable(name) for name in classes)
        self._root = root
        self._rows = list(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def image(self, index: int) -> np.ndarray:
        """(H, W, 3) uint8 RGB, upright. Raises BadImage."""
        return read_image(self._root / self._rows[index][0])

    def label(self, index: int) -> int:
        """The index into classes, -1 where there is no label."""
        return self._rows[index][1]

    def title(self, index: int) -> str:
        """The file's path relative to the root, with forward slashes, as it can be printed."""
        return printable(self._rows[index][0])

    def truth(self, index: int) -> Truth | None:
        """The bounding box where the layout has one."""
        box = self._rows[index][2]
        return None if box is None else Truth(box=box)


def existing(root: str | Path) -> Path:
    """`root` as a Path. Raises ValueError unless it is a folder."""
    root = Path(root)
    if not root.is_dir():
        what = "is a file, not a folder" if root.exists() else "does not exist"
        raise ValueError(f"the data folder {root} {what}")
    return root


def _is_image(name: str) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in files if _is_image(name))


def _refuse(error: OSError) -> None:
    raise ValueError(f"cannot list the folder {error.filename}: {error.strerror}") from error


def images_under(folder: Path) -> list[Path]:
    """Images in `folder` and in all folders below it."""
    return sorted(_walk(folder), key=lambda path: path.relative_to(folder).as_posix())


def images_in(folder: Path) -> list[Path]:
    """Images directly in `folder`."""
    return sorted(path for path in folder.iterdir() if _is_image(path.name) and path.is_file())


def class_names(folder: Path) -> list[str]:
    """Names of the folders in `folder` that have an image somewhere inside."""
    return sorted(_folders_with_images(folder))


def has_classes(folder: Path) -> bool:
    """Whether class_names(folder) is not empty; stops at the first."""
    return any(_folders_with_images(folder))


def _folders_with_images(folder: Path) -> Iterator[str]:
    inside = (path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return (path.name for path in inside if any(_walk(path)))


def contents(folder: Path) -> str:
    """The content of `folder`, for an error message: "2 folders, 5 files (.txt, .zip)"."""
    entries = list(folder.iterdir())
    suffixes = sorted({path.suffix or path.name for path in entries if path.is_file()})
    count = sum(path.is_dir() for path in entries)
    named = f" ({', '.join(suffixes[:5])})" if suffixes else ""
    return f"{count} folders, {len(entries) - count} files{named}"


def lines(path: Path) -> list[str]:
    """The lines of a text file. Raises ValueError if there is none."""
    if not path.is_file():
        raise ValueError(f"{path} is missing")
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def readable(names: list[str], folders: Iterable[Path]) -> list[str]:
    """The names, with synsets replaced by their first synonym from a file in `folders`."""
    if not any(re.fullmatch(r"n\d{8}", name) for name in names):
        return names
    files = [folder / file for folder in folders for file in SYNSET_FILES]
    entries = [line.split(maxsplit=1) for file in files if file.is_file() for line in lines(file)]
    words = {entry[0]: entry[1].split(",")[0].strip() for entry in entries if len(entry) == 2}
    called = [words.get(name, name) for name in names]
    # ImageNet has two classes "crane" and two "maillot".
    uses = Counter(called)
    pairs = zip(called, names, strict=True)
    return [word if uses[word] == 1 else f"{word} ({name})" for word, name in pairs]


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """The names, with a number behind one that came before: "cat", "cat (2)"."""
    found: dict[str, None] = {}
    uses = Counter[str]()
    for name in names:
        free = name
        while free in found:
            uses[name] += 1
            free = f"{name} ({uses[name] + 1})"
        found[free] = None
    return tuple(found)
