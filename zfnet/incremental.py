"""Incremental forward pass: the outputs of an image in which one square has changed.

The unchanged image is run through the network once, and every layer's activations are kept. A
changed square affects a window of each layer's plane (`kernels.contract.window_geometry`),
which grows from layer to layer. The input of a layer is a patch: the window with its margin, cut
from the kept plane, with the changed part inserted. The layer without padding maps it to the next
window. Squares of one size have windows of one shape at different positions, so that many squares
form a batch. Where branches meet, their windows are widened to a common one. Contrast normalisation
divides by a mean over the whole image and so changes every pixel: behind it, planes are whole. The
outputs are those of whole images, up to the order of sums.

Layers that are not windowed (`zfnet/inspectable.py`), and all layers above them, are computed
whole: behind the first gate of squeeze-and-excitation or the first attention nothing is saved.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kernels.contract.geometry import Box
from minidl import Tensor, device, nn, no_grad
from zfnet import patches
from zfnet.inspectable import InspectableGraph
from zfnet.outputs import Outputs
from zfnet.steps import Step, steps
from zfnet.views import Geometry

NO_MAPS: Mapping[str, int] = {}
WHOLE = 1 << 28
"""Bytes of the largest output of the layers that are computed whole, for some images at a time."""


@dataclass(frozen=True, eq=False)
class Change:
    """Changed windows (N,C,h,w) of a plane, with their top left corners `at` (N,2)."""

    part: np.ndarray
    at: np.ndarray

    def whole(self, plane: np.ndarray) -> np.ndarray:
        """The changed planes (N,C,H,W) from the unchanged one (1,C,H,W)."""
        return self.within(plane, np.zeros_like(self.at), plane.shape[2:]).part

    def some(self, samples: slice) -> Change:
        """The change of some of the samples."""
        return Change(self.part[samples], self.at[samples])

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

    kept: each layer's units for the unchanged image as (1,K,P,Q), by the layer's name, on the
          device of the model's weights.
    """

    def __init__(self, model: InspectableGraph, x: np.ndarray) -> None:
        model.eval()
        self.model, self._image = model, x[None]
        self._keep()

    def _keep(self) -> None:
        """Run the unchanged image, and keep the activations with the weights' versions."""
        self._versions, given = self._of_weights(), self.model.input_tensor(self._image)
        with no_grad():
            found = self.model.activations(given)
        layouts = {name: self.model.layout(name) for name in found}
        self.kept = {name: layouts[name].planar(y.data) for name, y in found.items()}
        self.kept[nn.INPUT] = given.data

    def _of_weights(self) -> list[int]:
        return [parameter.version for parameter in self.model.parameters()]

    def scores(self, change: Change) -> np.ndarray:
        """The scores (N,C) after the change."""
        found = self._outputs(change, [self.model.scores])[self.model.scores]
        return found.reshape(len(found), -1)  # (N,C,1,1) -> (N,C)

    def map_and_scores(
        self, change: Change, planes: str, map: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Map `map` of the layer `planes` after the change, (N,P,Q), and the scores (N,C)."""
        scores = self.model.scores
        if planes == scores:
            every = self._outputs(change, [scores])[scores]
            return every[:, map], every.reshape(len(every), -1)  # -> (N,P,Q), (N,C)
        found = self._outputs(change, [planes, scores], {planes: map})
        # (N,1,P,Q) -> (N,P,Q), (N,C,1,1) -> (N,C)
        return found[planes][:, 0], found[scores].reshape(len(change.at), -1)

    def _outputs(
        self, change: Change, wanted: Sequence[str], map: Mapping[str, int] = NO_MAPS
    ) -> dict[str, np.ndarray]:
        """The units (N,K,P,Q) of the wanted layers after the change, on the CPU; those of one map
        alone, (N,1,P,Q), where `map` has the layer."""
        windowed = [name for name in wanted if name in self.model.windowed()]
        above = [name for name in wanted if name not in self.model.windowed()]
        rest = Outputs(self.model, above, given=self.model.windowed()) if above else None
        edge = [*windowed, *(rest.sources if rest else ())]
        found, changed = dict[str, np.ndarray](), dict[str, Change]()
        for name, part in self._changes(change, edge):
            if name in windowed:
                found[name] = device.host(_of_map(part, self.kept[name], map.get(name)))
            changed[name] = part
        if rest:
            found |= self._whole(rest, changed, map)
        return found

    def _whole(
        self, rest: Outputs, changed: Mapping[str, Change], map: Mapping[str, int]
    ) -> dict[str, np.ndarray]:
        """The outputs of `rest`, computed whole from the changes of its sources."""
        count = len(next(iter(changed.values())).at)
        found: dict[str, list[np.ndarray]] = {name: [] for name in rest.names}
        shapes, size = self.model.shapes(), self.model.dtype.itemsize
        largest = max(size * math.prod(shapes[name]) for name in rest.layers)
        at_a_time = max(1, WHOLE // max(largest, 1))
        for first in range(0, count, at_a_time):
            taken = {}
            for name in rest.sources:
                part = changed[name].some(slice(first, first + at_a_time))
                whole = Tensor(part.whole(self.kept[name]))
                taken[name] = self.model.layout(name).tensor_of_planes(whole)
            with no_grad():
                for name, y in rest(taken):
                    units = self.model.layout(name).planar(y.data)
                    only = map.get(name)
                    units = units if only is None else units[:, only : only + 1]
                    found[name].append(device.host(units))
        return {name: np.concatenate(parts) for name, parts in found.items()}

    def _changes(self, change: Change, edge: Sequence[str]) -> Iterator[tuple[str, Change]]:
        """The changes of the layers in `edge`, which are windowed, by their names.

        After a change of the weights the unchanged image is run again.
        """
        if self._of_weights() != self._versions:
            self._keep()
        changes = {nn.INPUT: Change(device.move(change.part, self.model.device), change.at)}
        if nn.INPUT in edge:
            yield nn.INPUT, changes[nn.INPUT]
        for step in self._steps(tuple(sorted(set(edge) - {nn.INPUT}))):
            with no_grad():
                after = self._after(step, [changes[name] for name in step.inputs])
            changes[step.name] = after
            if step.name in edge:
                yield step.name, after
            for name in step.freed:
                del changes[name]

    def _steps(self, edge: tuple[str, ...]) -> list[Step]:
        """The steps to the layers of `edge`."""
        if edge not in self._chains:
            self._chains[edge] = steps(self.model, edge, kept=edge) if edge else []
        return self._chains[edge]

    @cached_property
    def _chains(self) -> dict[tuple[str, ...], list[Step]]:
        return {}

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


def _of_map(change: Change, kept: np.ndarray, map: int | None) -> np.ndarray:
    """The whole planes (N,K,P,Q) after a change, or those of one map, (N,1,P,Q)."""
    if map is None:
        return change.whole(kept)
    return Change(change.part[:, map : map + 1], change.at).whole(kept[:, map : map + 1])


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
