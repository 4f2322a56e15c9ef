"""The split of a run, kept when its data are opened again.

Opened anew, a folder without a split of its own draws one, which depends on the files that are
there: an image that was held back for validation could be trained on. So the images of a resumed
run stay in the parts, and in the order, of the run's list; new images follow, in the parts where
they were found. An image is known by its name, and by its content where it was renamed or moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from zfnet.data.dataset import Dataset, Truth
from zfnet.data.listing import UNREADABLE, Entry, Listing, Part

Place = tuple[Dataset, int]


class Arranged:
    """Images of several data sets with the same classes, in an order of their own."""

    def __init__(self, like: Dataset, places: Sequence[Place]) -> None:
        self.name, self.classes = like.name, tuple(like.classes)
        self._places = list(places)

    def __len__(self) -> int:
        return len(self._places)

    def image(self, index: int) -> np.ndarray:
        """(H, W, 3) uint8. Raises BadImage."""
        dataset, at = self._places[index]
        return dataset.image(at)

    def label(self, index: int) -> int:
        """The index into `classes`."""
        dataset, at = self._places[index]
        return dataset.label(at)

    def title(self, index: int) -> str:
        """The title in its data set."""
        dataset, at = self._places[index]
        return dataset.title(at)

    def truth(self, index: int) -> Truth | None:
        """The annotations in its data set."""
        dataset, at = self._places[index]
        return dataset.truth(at)

    def file(self, index: int) -> Path | None:
        """The image's file; None without one."""
        dataset, at = self._places[index]
        file = getattr(dataset, "file", None)
        return file(at) if file else None


def kept_split(
    kept: Listing, now: Listing, train: Dataset, val: Dataset
) -> tuple[tuple[Dataset, Dataset], Listing]:
    """`train` and `val` in the split of `kept`, and their list; `now` lists them as opened.

    They are returned as they are where the split is the same.
    """
    places: list[Place] = [(train, i) for i in range(len(train))]
    places += [(val, i) for i in range(len(val))]
    owner = _Owner(kept)
    found = [e._replace(part=owner.part(e)) for e in now.entries] if kept.files else now.entries
    order = sorted(range(len(found)), key=lambda i: owner.rank(found[i]))
    entries = tuple(found[i] for i in order)
    if entries == now.entries:
        return (train, val), now
    parts = {
        part: Arranged(train, [places[i] for i in order if found[i].part == part])
        for part in ("train", "val")
    }
    return (parts["train"], parts["val"]), Listing(entries, now.made, now.files)


class _Owner:
    """The part in which the run had an image, and its place there."""

    def __init__(self, kept: Listing) -> None:
        self._titles = {(e.title, e.content): e.part for e in kept.entries}
        self._names: dict[str, Part] = {e.title: e.part for e in kept.entries}
        self._contents = {part: _contents(kept.entries, part) for part in ("train", "val")}
        places: dict[Part, list[str]] = {"train": [], "val": []}
        for entry in kept.entries:
            places[entry.part].append(entry.title)
        self._ranks = {(part, title): i for part in places for i, title in enumerate(places[part])}

    def part(self, entry: Entry) -> Part:
        """By name and content, by content alone, by name alone, else as found."""
        same = self._titles.get((entry.title, entry.content))
        if same:
            return same
        held = [part for part, contents in self._contents.items() if entry.content in contents]
        if held == ["val"]:
            return "val"
        if held == ["train"]:
            return "train"
        return self._names.get(entry.title, entry.part)

    def rank(self, entry: Entry) -> tuple[bool, int]:
        """The order: train before val, the run's own before new ones (`sorted` keeps theirs)."""
        return entry.part == "val", self._ranks.get((entry.part, entry.title), len(self._ranks))


def _contents(entries: Iterable[Entry], part: str) -> set[str]:
    found = {entry.content for entry in entries if entry.part == part}
    return found - {"", UNREADABLE}
