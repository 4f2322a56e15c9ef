"""The data set protocol, and prefetching of its items by threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Truth:
    """Annotations of an image besides its class; None where unknown.

    Attributes:
        box: the object's top, left, bottom, right in pixels of the original image; bottom and
            right are exclusive.
        mask: (H, W) bool, True on the object.
        parts: part name -> (row, column) in pixels of the original image.
    """

    box: tuple[int, int, int, int] | None = None
    mask: np.ndarray | None = None
    parts: dict[str, tuple[float, float]] = field(default_factory=dict)


class Dataset(Protocol):
    """Images with labels. Its methods are called from several threads at once.

    `name` and `classes` may be plain attributes: the properties here only make them read-only.
    """

    @property
    def name(self) -> str:
        """Its name in messages: "scenes", or the folder's path."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Readable names; label i is classes[i]. Empty means that there are no labels."""
        ...

    def __len__(self) -> int:
        """Number of images."""
        ...

    def image(self, index: int) -> np.ndarray:
        """(H, W, 3) uint8 RGB in its original size, upright. Raises BadImage if unreadable."""
        ...

    def label(self, index: int) -> int:
        """The index into classes, or -1 where there is no label."""
        ...

    def title(self, index: int) -> str:
        """The file's name relative to the root, or "scene 17"."""
        ...

    def truth(self, index: int) -> Truth | None:
        """Annotations besides the class, or None."""
        ...


def require_classes(dataset: Dataset, least: int = 2) -> None:
    """Raise ValueError unless `dataset` has images and at least `least` classes to tell apart."""
    count = len(dataset.classes)
    if count < least:
        found = f"{count} classes" if count != 1 else f"one class ({dataset.classes[0]!r})"
        raise ValueError(
            f"{dataset.name} has {found}, at least {least} are needed: "
            "put the images of each class into a folder of its own, DIR/CLASS/*.jpg"
        )
    if len(dataset) == 0:
        raise ValueError(f"{dataset.name} has {count} classes but no image in this split")


def prefetched(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int, depth: int
) -> Generator[Result, None, None]:
    """Yield function(item) in the order of `items`, up to `depth` results computed in advance.

    An exception of `function` is raised at the position of its result. Closing the generator early
    cancels the calls that have not begun and waits for the others. With workers = 0 nothing is
    prefetched.
    """
    if workers < 0 or depth < 0:
        raise ValueError(f"workers = {workers} and depth = {depth}: neither may be negative")
    if workers == 0:
        yield from map(function, items)
        return
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="zfnet-data") as pool:
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) > depth:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
