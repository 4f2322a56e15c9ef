"""What changes when a square of an image does: only that is computed anew.

The image goes through the network once, and every layer's activations are kept. A changed square
touches a window of each layer's plane (`kernels.geometry.touches`), larger from layer to layer.
Cut around the window from the kept plane, with the changed part laid over it, the layer's input is
a patch; the layer without padding turns it into the next window. Squares of one size have windows
of one shape, each at its own place, so that many squares are a batch. Contrast normalisation
divides by a mean over the whole image, after which everything has changed: from there, planes are
whole. The answers are those of whole images, up to the order of sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kernels import patches
from kernels.geometry import Box
from minidl import Tensor, nn, no_grad
from zfnet.model import ConvNet
from zfnet.steps import Geometry, Step, steps


@dataclass(frozen=True, eq=False)
class Change:
    """Changed parts (N,C,h,w) of a plane, which begin at `at` (N,2)."""

    part: np.ndarray
    at: np.ndarray

    def whole(self, plane: np.ndarray) -> np.ndarray:
        """The planes (N,C,H,W) that the change makes of one (1,C,H,W)."""
        if self.part.shape[2:] == plane.shape[2:]:
            return self.part
        return patches.cut(
            plane, np.zeros_like(self.at), plane.shape[2:], 0.0, (self.part, self.at)
        )


class Covered:
    """The network's answers to one image (3,S,S) of which a part changes.

    kept: each layer's activations (1,K,P,Q) or (1,K) of the image as it is, by the layer's name.
    """

    def __init__(self, model: ConvNet, x: np.ndarray) -> None:
        model.eval()
        self.model, self.image = model, x[None]
        with no_grad():
            found = model.activations(Tensor(self.image))
        self.kept = {name: y.data for name, y in found.items()}
        self._steps = steps(model)
        layers = dict(model.children())
        self._above = list(layers.values())[list(layers).index("flatten") :]

    def scores(self, change: Change) -> np.ndarray:
        """The last layer's (N,C) as the change makes it."""
        *_, (name, last) = self._changes(change)
        return self._scored(last.whole(self.kept[name]))

    def answers(self, change: Change, planes: str, map: int) -> tuple[np.ndarray, np.ndarray]:
        """Map `map` of the layer `planes` as the change makes it, (N,P,Q), and the scores (N,C)."""
        for name, found in self._changes(change):
            if name == planes:
                one, kept = (a[:, map : map + 1] for a in (found.part, self.kept[name]))
                seen = Change(one, found.at).whole(kept)[:, 0]
        return seen, self._scored(found.whole(self.kept[name]))

    def _changes(self, change: Change) -> Iterator[tuple[str, Change]]:
        """What becomes of each layer that has planes, by its name, from the first to the last."""
        before = self.image
        for step in self._steps:
            with no_grad():
                change = _after(step, change, before)
            before = self.kept[step.name]
            yield step.name, change

    def _scored(self, planes: np.ndarray) -> np.ndarray:
        """The layers above the planes."""
        with no_grad():
            y = Tensor(planes)
            for layer in self._above:
                y = layer(y)
        return y.data


def _after(step: Step, change: Change, before: np.ndarray) -> Change:
    """The change of a step's output; `before` is its input as it was."""
    g = step.geometry
    if isinstance(step.layer, nn.LocalContrastNorm):
        whole = Tensor(change.whole(before))
        return Change(step.bare(whole).data, np.zeros_like(change.at))
    if g is None:
        return Change(step.bare(Tensor(change.part)).data, change.at)
    at, shape = touched(change, g)
    box = g.sees(Box(0, shape[0], 0, shape[1]))
    first = at * np.array(g.stride) + np.array([box.top, box.left])
    around = patches.cut(before, first, box.shape, step.fill, (change.part, change.at))
    return Change(step.bare(Tensor(around)).data, at)


def touched(change: Change, g: Geometry) -> tuple[np.ndarray, tuple[int, int]]:
    """The outputs that depend on the changed pixels: where their windows begin, and one shape.

    The shape is the largest that any sample needs; at the border a window moves inside.
    """
    h, w = change.part.shape[2:]
    boxes = [g.touches(Box(top, top + h, left, left + w)) for top, left in change.at.tolist()]
    shape = max(max(b.shape[0] for b in boxes), 1), max(max(b.shape[1] for b in boxes), 1)
    starts = [(min(b.top, g.P - shape[0]), min(b.left, g.Q - shape[1])) for b in boxes]
    return np.array(starts), shape
