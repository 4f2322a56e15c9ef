"""Incremental forward pass: the outputs of an image in which one square has changed.

The unchanged image is run through the network once, and every layer's activations are kept. A
changed square affects a window of each layer's plane (`kernels.contract.geometry.output_box`),
which grows from layer to layer. The input of a layer is a patch: the window with its margin, cut
from the kept plane, with the changed part inserted. The layer without padding maps it to the next
window. Squares of one size have windows of one shape at different positions, so that many squares
form a batch. Where branches meet, their windows are widened to a common one. Contrast normalisation
divides by a mean over the whole image and so changes every pixel: behind it, planes are whole. The
outputs are those of whole images, up to the order of sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kernels.contract.geometry import Box
from minidl import Tensor, device, nn, no_grad
from zfnet import patches
from zfnet.inspectable import InspectableGraph
from zfnet.steps import Step, steps
from zfnet.views import Geometry


@dataclass(frozen=True, eq=False)
class Change:
    """Changed windows (N,C,h,w) of a plane, with their top left corners `at` (N,2)."""

    part: np.ndarray
    at: np.ndarray

    def whole(self, plane: np.ndarray) -> np.ndarray:
        """The changed planes (N,C,H,W) from the unchanged one (1,C,H,W)."""
        return self.within(plane, np.zeros_like(self.at), plane.shape[2:]).part

    def within(self, plane: np.ndarray, at: np.ndarray, shape: tuple[int, ...]) -> Change:
        """The same change in larger windows of shape (h,w), with corners `at`."""
        if (
            self.part.shape[2:] == shape
        ):  # (a window that contains another one of its shape equals it)
            return self
        h, w = shape
        return Change(patches.cut(plane, at, (h, w), 0.0, (self.part, self.at)), at)


class IncrementalForward:
    """The network's outputs for one image (3,S,S) in which a window changes.

    kept: each layer's activations (1,K,P,Q) or (1,K) for the unchanged image, by the layer's name,
          on the device of the model's weights.
    """

    def __init__(self, model: InspectableGraph, x: np.ndarray) -> None:
        model.eval()
        self.model, self._image = model, x[None]
        self._keep()
        self._above = [name for name in model.layer_names() if name in self.kept]
        self._above = [name for name in self._above if name not in model.planes()]
        fed = (source for name in self._above for source in model.wiring()[name])
        self._edge = sorted({n for n in fed if n in model.planes()} | self._scored_planes())
        self._steps = steps(model, self._edge, kept=self._edge)

    def _keep(self) -> None:
        """Run the unchanged image, and keep the activations with the weights' versions."""
        self._versions, given = self._of_weights(), self.model.input_tensor(self._image)
        with no_grad():
            found = self.model.activations(given)
        self.kept = {name: y.data for name, y in found.items()} | {nn.INPUT: given.data}

    def _of_weights(self) -> list[int]:
        return [parameter.version for parameter in self.model.parameters()]

    def _scored_planes(self) -> set[str]:
        """The scores' layer, if it has planes."""
        return {self.model.scores} & set(self.model.planes())

    def scores(self, change: Change) -> np.ndarray:
        """The scores (N,C) after the change."""
        edge = {name: c for name, c in self._changes(change) if name in self._edge}
        return self._scored(edge)

    def map_and_scores(
        self, change: Change, planes: str, map: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Map `map` of the layer `planes` after the change, (N,P,Q), and the scores (N,C)."""
        edge = {}
        for name, found in self._changes(change):
            if name == planes:
                one, kept = (a[:, map : map + 1] for a in (found.part, self.kept[name]))
                shown = device.host(Change(one, found.at).whole(kept)[:, 0])
            if name in self._edge:
                edge[name] = found
        return shown, self._scored(edge)

    def _changes(self, change: Change) -> Iterator[tuple[str, Change]]:
        """The change of each layer that has planes, by its name, from the first to the last.

        After a change of the weights the unchanged image is run again.
        """
        if self._of_weights() != self._versions:
            self._keep()
        changes = {nn.INPUT: Change(device.move(change.part, self.model.device), change.at)}
        for step in self._steps:
            with no_grad():
                after = self._after(step, [changes[name] for name in step.inputs])
            changes[step.name] = after
            yield step.name, after
            for name in step.freed:
                del changes[name]

    def _after(self, step: Step, changes: Sequence[Change]) -> Change:
        """The change of a step's output."""
        before, g = [self.kept[name] for name in step.inputs], step.geometry
        if isinstance(step.layer, nn.LocalContrastNorm):
            whole = Tensor(changes[0].whole(before[0]))
            return Change(step.on_planes(whole).data, np.zeros_like(changes[0].at))
        if g is None:
            joined = _joined(changes, before)
            parts = [Tensor(change.part) for change in joined]
            return Change(step.on_patches(*parts, at=joined[0].at).data, joined[0].at)
        at, shape = touched(changes[0], g)
        box = g.input_box(Box(0, shape[0], 0, shape[1]))
        first = at * np.array(g.stride) + np.array([box.top, box.left])
        inserted = (changes[0].part, changes[0].at)
        around = patches.cut(before[0], first, box.shape, step.fill, inserted)
        return Change(step.on_patches(Tensor(around), at=at).data, at)

    def _scored(self, edge: dict[str, Change]) -> np.ndarray:
        """The scores, from the changes of the planes that are inputs of the layers above."""
        layers, wiring = dict(self.model.children()), self.model.wiring()
        values = {n: Tensor(change.whole(self.kept[n])) for n, change in edge.items()}
        with no_grad():
            for name in self._above:
                values[name] = layers[name](*(values[source] for source in wiring[name]))
        scores = values[self.model.scores].numpy()
        return scores.reshape(len(scores), -1)  # (N,C,...) -> (N,C)


def _joined(changes: Sequence[Change], before: Sequence[np.ndarray]) -> list[Change]:
    """The changes of planes of one size, in windows with common corners and one shape."""
    if len(changes) == 1:
        return list(changes)
    plane = np.array(before[0].shape[2:])
    first = np.min([c.at for c in changes], axis=0)  # (N,2)
    last = np.max([c.at + np.array(c.part.shape[2:]) for c in changes], axis=0)
    shape = (last - first).max(axis=0)
    at = np.minimum(first, plane - shape)
    h, w = shape.tolist()
    return [c.within(kept, at, (h, w)) for c, kept in zip(changes, before, strict=True)]


def touched(change: Change, g: Geometry) -> tuple[np.ndarray, tuple[int, int]]:
    """The outputs that depend on the changed pixels: the corners of their windows, and one shape.

    The shape is the largest of all samples; at the border a window is moved inside.
    """
    h, w = change.part.shape[2:]
    boxes = [g.output_box(Box(top, top + h, left, left + w)) for top, left in change.at.tolist()]
    shape = max(max(b.shape[0] for b in boxes), 1), max(max(b.shape[1] for b in boxes), 1)
    starts = [(min(b.top, g.P - shape[0]), min(b.left, g.Q - shape[1])) for b in boxes]
    return np.array(starts), shape
