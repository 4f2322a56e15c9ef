"""Image files with labels as a data set, and text files beside them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from kernels.terminal.printable import printable
from zfnet.data.dataset import Truth
from zfnet.data.images import read_image

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

    def file(self, index: int) -> Path:
        """The image's file."""
        return self._root / self._rows[index][0]

    def truth(self, index: int) -> Truth | None:
        """The bounding box where the layout has one."""
        box = self._rows[index][2]
        return None if box is None else Truth(box=box)


def contents(folder: Path) -> str:
    """The content of `folder`, for an error message: "2 folders, 5 files (.txt, .zip)"."""
    entries = list(folder.iterdir())
    suffixes = sorted({path.suffix or path.name for path in entries if path.is_file()})
    count = sum(path.is_dir() for path in entries)
    named = f" ({', '.join(suffixes[:5])})" if suffixes else ""
    return f"{count} folders, {len(entries) - count} files{named}"


def is_name(text: str) -> bool:
    """Whether a file's name has no path in it: files from elsewhere are not trusted."""
    return bool(text) and text not in (".", "..") and not set(text) & set("/\\:\0")


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
