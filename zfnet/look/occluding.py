"""Grey square on a kept forward pass: outputs under it, and the occlusion map as it fills in."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from minidl import Tensor
from minidl import functional as F
from zfnet.experiments.occlusion.measure import change_at, grey_pixels, places
from zfnet.incremental import Change, IncrementalForward
from zfnet.look.session import Forward


@dataclass(frozen=True)
class Square:
    """A grey square of `size` pixels with its top left corner at (top, left)."""

    top: int
    left: int
    size: int


@dataclass(frozen=True, eq=False)
class Under:
    """Outputs under a square: the map (P,Q), and the probabilities (C,) or None."""

    values: np.ndarray
    probabilities: np.ndarray | None


@dataclass(eq=False)
class FillingMap:
    """Probabilities and a map's total activation by the square's place, (P,P), NaN where they are
    not computed yet."""

    size: int
    stride: int
    starts: tuple[int, ...]
    probability: np.ndarray
    activation: np.ndarray

    @classmethod
    def empty(cls, S: int, size: int, stride: int) -> FillingMap:
        starts = tuple(places(S, size, stride))
        grid = (len(starts), len(starts))
        return cls(size, stride, starts, np.full(grid, np.nan), np.full(grid, np.nan))

    @property
    def missing(self) -> np.ndarray:
        """(M,2): rows and columns of the places that are not computed yet."""
        return np.argwhere(np.isnan(self.activation))

    def nearest(self, top: int, left: int, count: int) -> np.ndarray:
        """(M,2): the missing places that are nearest to a square, at most `count`."""
        found = self.missing
        corners = np.array(self.starts)[found]  # (M,2)
        distance = ((corners - np.array([top, left])) ** 2).sum(axis=1)
        return found[np.argsort(distance, kind="stable")[:count]]


@dataclass(eq=False)
class Occluder:
    """Grey squares on one image; `of` keeps one with the forward pass."""

    run: Forward
    forward: IncrementalForward
    grey: np.ndarray
    maps: dict[tuple[str, int, int, int, int], FillingMap] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Forward) -> Occluder:
        """That of the pass, made when it is first asked for."""
        found = run.notes.get("occluder")
        if not isinstance(found, Occluder):
            forward = IncrementalForward(run.model, run.image)
            found = cls(run, forward, grey_pixels(run.network, run.image))
            run.notes["occluder"] = found
        return found

    def change(self, corners: np.ndarray, size: int) -> Change:
        """The squares that begin at `corners` (N,2)."""
        S = self.run.model.image_size
        if not 1 <= size <= S or corners.min() < 0 or corners.max() >= S:
            raise ValueError(f"the square must begin inside the image and have 1 to {S} pixels")
        return change_at(self.run.image, self.grey, corners, size)

    def image(self, square: Square) -> np.ndarray:
        """The preprocessed image (3,S,S) with the square."""
        change = self.change(np.array([[square.top, square.left]]), square.size)
        found, (top, left), (h, w) = self.run.image.copy(), change.at[0], change.part.shape[2:]
        found[:, top : top + h, left : left + w] = change.part[0]
        return found

    def under(self, square: Square, layer: str, map: int) -> Under:
        """The map and the probabilities under one square."""
        change = self.change(np.array([[square.top, square.left]]), square.size)
        planes, scores = self.forward.map_and_scores(change, layer, map)
        scored = self.run.model.has_scores
        return Under(planes[0], F.softmax(Tensor(scores)).numpy()[0] if scored else None)

    def filling(self, layer: str, map: int, label: int, size: int, stride: int) -> FillingMap:
        """The occlusion map of these settings, as far as it is computed."""
        key = layer, map, label, size, stride
        if key not in self.maps:
            if len(self.maps) >= 16:
                self.maps.pop(next(iter(self.maps)))
            self.maps[key] = FillingMap.empty(self.run.model.image_size, size, stride)
        return self.maps[key]

    def fill(
        self, filling: FillingMap, at: np.ndarray, layer: str, map: int, label: int
    ) -> FillingMap:
        """Compute the places `at` (N,2) of the map."""
        if len(at):
            change = self.change(np.array(filling.starts)[at], filling.size)
            planes, scores = self.forward.map_and_scores(change, layer, map)
            rows, columns = at.T
            if self.run.model.has_scores:
                filling.probability[rows, columns] = F.softmax(Tensor(scores)).numpy()[:, label]
            filling.activation[rows, columns] = planes.sum(axis=(1, 2))
        return filling
