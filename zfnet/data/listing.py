"""List of a run's images: what each image was, so that changed data are noticed.

An image from a file is listed with the file's size and a digest of its whole content. The content
is read once, when the list is made, which costs less than the mean image that decodes the same
files. Later a file whose size, times and inode are as listed is taken as unchanged, as Git does;
any other is read again. (A file's change time cannot be set back, unlike its modification time.)

Images without files, such as scenes, are listed by title and label; a few of each part, evenly
spread, have a digest of their pixels.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from zfnet.data.dataset import Dataset, prefetched
from zfnet.data.images import BadImage
from zfnet.data.subset import evenly

Part = Literal["train", "val"]
SAMPLED = 8
"""Images of a part without files whose pixels are digested."""
FORMAT = "zfnet images 1"
UNREADABLE = "unreadable"
RECENT = 2_000_000_000
"""Nanoseconds: a file changed so shortly before it was listed may change again within the same tick
of the file system's clock, so that its times alone do not vouch for it."""


class Entry(NamedTuple):
    """An image: its part, label and title; size and digest of its content; its file's stamp.

    content: hexadecimal SHA-256, 32 digits; "" where the pixels of an image without a file are not
             digested.
    stamp:   modification time, change time (ns) and inode; () without a file.
    """

    part: Part
    label: int
    title: str
    size: int
    content: str
    stamp: tuple[int, ...] = ()

    @property
    def identity(self) -> tuple[Any, ...]:
        """All but the stamp."""
        return tuple(self[:5])


@dataclass(frozen=True)
class Listing:
    """The images of a run, those of train first, in the order of the data sets.

    made: when it was made, in nanoseconds since 1970. files: whether titles are names of files.
    """

    entries: tuple[Entry, ...]
    made: int
    files: bool

    @cached_property
    def digest(self) -> str:
        """Of all images' parts, labels, titles, sizes and contents, in their order."""
        found = hashlib.sha256()
        for entry in self.entries:
            found.update(json.dumps(entry.identity).encode())
        return found.hexdigest()[:32]

    def text(self) -> str:
        """JSON, a line for each image, after a line with a checksum of them all."""
        rows = "".join(json.dumps(entry) + "\n" for entry in self.entries)
        head = {"format": FORMAT, "made": self.made, "files": self.files}
        crc = zlib.crc32((json.dumps(head) + rows).encode())
        return json.dumps({**head, "crc32": f"{crc:08x}"}) + "\n" + rows

    @classmethod
    def of_text(cls, text: str) -> Listing:
        """The list of a text that `text` wrote; ValueError for any other, if but in one byte."""
        try:
            head, *rows = map(json.loads, text.splitlines())
            entries = tuple(Entry._make((*row[:5], tuple(row[5]))) for row in rows)
            found = cls(entries, head["made"], head["files"])
            if found.text() != text:
                raise ValueError("it does not fit its checksum")
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise ValueError(f"it is no whole list of images ({error})") from None
        return found


Progress = Callable[[int], None]


def listing(
    train: Dataset,
    val: Dataset,
    *,
    before: Listing | None = None,
    workers: int = 2,
    progress: Progress = lambda done: None,
) -> Listing:
    """The list of two data sets' images.

    before: an earlier list, whose digests are taken over for files that are unchanged since.
    """
    made = time.time_ns()
    files = _file(train, 0) is not None
    known = _known(before) if before and files else {}
    recent = before.made - RECENT if before else 0
    jobs = [(part, dataset, index) for part, dataset in _parts(train, val)
            for index in range(len(dataset))]  # fmt: skip
    sampled = {part: set(evenly(SAMPLED, len(dataset))) for part, dataset in _parts(train, val)}

    def entry(job: tuple[Part, Dataset, int]) -> Entry:
        part, dataset, index = job
        path = _file(dataset, index)
        if path is None:
            content = _pixels(dataset, index) if index in sampled[part] else ""
            return Entry(part, dataset.label(index), dataset.title(index), 0, content)
        return _of_file(part, dataset, index, path, known, recent)

    entries = []
    for found in prefetched(entry, jobs, workers=workers, depth=64):
        entries.append(found)
        progress(len(entries))
    return Listing(tuple(entries), made, files)


def _parts(train: Dataset, val: Dataset) -> tuple[tuple[Part, Dataset], tuple[Part, Dataset]]:
    return ("train", train), ("val", val)


def _known(before: Listing) -> dict[str, Entry]:
    return {entry.title: entry for entry in before.entries}


def _file(dataset: Dataset, index: int) -> Path | None:
    """The image's file; None for images without files (not all data sets have the method)."""
    file: Callable[[int], Path | None] | None = getattr(dataset, "file", None)
    return file(index) if file and len(dataset) else None


def _of_file(
    part: Part, dataset: Dataset, index: int, path: Path, known: dict[str, Entry], recent: int
) -> Entry:
    title = dataset.title(index)
    try:
        found = os.stat(path)
        stamp = found.st_mtime_ns, found.st_ctime_ns, found.st_ino
        kept = known.get(title)
        if kept and (kept.size, kept.stamp) == (found.st_size, stamp) and max(stamp[:2]) < recent:
            content = kept.content
        else:
            content = _content(path)
        return Entry(part, dataset.label(index), title, found.st_size, content, stamp)
    except OSError:  # skipped in training, or refused there, with its reason
        return Entry(part, dataset.label(index), title, 0, UNREADABLE)


def _content(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def _pixels(dataset: Dataset, index: int) -> str:
    try:
        image = dataset.image(index)
    except BadImage:
        return UNREADABLE
    found = hashlib.sha256(repr(image.shape).encode())
    found.update(image.tobytes())
    return found.hexdigest()[:32]


@dataclass(frozen=True)
class Changes:
    """Titles of the images that differ between two lists, each in order."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    relabelled: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.replaced or self.relabelled)

    def __str__(self) -> str:
        """ "2 images added (a.png, b.png), 1 image removed (c.png)"."""
        each = {"added": self.added, "removed": self.removed, "replaced by others": self.replaced,
                "of another class": self.relabelled}  # fmt: skip
        return ", ".join(_counted(titles, what) for what, titles in each.items() if titles)


SHOWN = 3


def _counted(titles: Sequence[str], what: str) -> str:
    shown = ", ".join(titles[:SHOWN]) + (", ..." if len(titles) > SHOWN else "")
    return f"{len(titles)} image{'s' if len(titles) > 1 else ''} {what} ({shown})"


def changes(before: Listing, now: Listing) -> Changes:
    """What differs, whatever the parts: where all files are the same, the part is the run's."""
    if before.digest == now.digest:
        return Changes()
    was, is_now = _by_key(before), _by_key(now)
    both = [key for key in was if key in is_now]
    return Changes(
        _titles(is_now[key] for key in is_now if key not in was),
        _titles(was[key] for key in was if key not in is_now),
        _titles(was[key] for key in both if was[key].content != is_now[key].content),
        _titles(was[key] for key in both if was[key].label != is_now[key].label),
    )


def _by_key(listing: Listing) -> dict[tuple[str, str], Entry]:
    """By title; where titles are not files' names, those of train and val may be the same."""
    return {("" if listing.files else e.part, e.title): e for e in listing.entries}


def _titles(entries: Iterable[Entry]) -> tuple[str, ...]:
    return tuple(entry.title for entry in entries)
