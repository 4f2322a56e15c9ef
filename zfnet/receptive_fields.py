"""A unit's receptive field as a small network of its own: what it sees is all that is computed.

From the unit down to the image, each layer contributes the window of pixels that the unit depends
on (`zfnet/views.py`). All units of a layer have windows of one size, at their own places, so that a
batch of units is a batch of patches. Where branches see windows of different sizes, each takes its
own out of the largest. Where a window reaches over the border of its layer's plane, it holds
padding: 0 for a convolution, less than any pixel for a max-pooling; the walk back drops what
arrives there. The values and the projections are those of the whole image, up to the order of sums.

Contrast normalisation needs its whole image (each pixel is divided by a mean over all of it), so
its output is computed there and cut out; the deconvnet passes it through on the way back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minidl import Tensor, device, nn, no_grad
from minidl import functional as F
from zfnet import patches
from zfnet.inspectable import Visible
from zfnet.steps import Step, steps
from zfnet.views import View


@dataclass(frozen=True, eq=False)
class Window:
    """Where patches of `shape` (h,w) begin in their plane: at (N,2)."""

    at: np.ndarray
    shape: tuple[int, int]


def pay_off(model: Visible, layer: str) -> bool:
    """Whether a unit of `layer` sees less than the image: else its field is no smaller network."""
    if layer not in model.planes():
        return False
    h, w = model.views(layer)[nn.INPUT].shape
    S = model.image_size
    return h * w < S * S


def look(
    model: Visible, images: np.ndarray, layer: str, places: np.ndarray
) -> tuple[Tensor, Tensor, Window]:
    """The patches that units see, and the units' activations, on the tape.

    images (N,3,S,S); places (N,2): p and q of each image's unit. Returns the patches (N,3,h,w),
    which begin where the window says, and the activations (N,K,1,1) of all maps at those places.
    """
    images = device.move(images, model.device)
    seen = model.views(layer)
    chain = steps(model, [layer])
    whole = _normalised(model, images, chain)
    first = Window(seen[nn.INPUT].at(places), seen[nn.INPUT].shape)
    patch = Tensor(patches.cut(images, first.at, first.shape, 0.0), requires_grad=True)
    values = {nn.INPUT: patch}
    for step in chain:
        view, planes = seen[step.name], model.planes()
        taken = [
            _taken(step, values[source], seen[source], view, places, planes[source])
            for source in step.inputs
        ]
        if step.name in whole:
            cut = patches.cut(whole[step.name], view.at(places), view.shape, 0.0)
            values[step.name] = _recalled(taken[0], cut)
        else:
            values[step.name] = step.bare(*taken, at=view.at(places))
    return patch, values[chain[-1].name], first


def _taken(
    step: Step, x: Tensor, has: View, view: View, places: np.ndarray, plane: tuple[int, int]
) -> Tensor:
    """Of patches of a step's input those pixels that it needs for `view`, padding included."""
    needs = view.through(step.geometry)
    top, left = (n - h for n, h in zip(needs.first, has.first, strict=True))
    bottom, right = (h - n - o for h, n, o in zip(has.shape, needs.shape, (top, left), strict=True))
    if (top, bottom, left, right) != (0, 0, 0, 0):
        x = F.pad2d(x, (-top, -bottom, -left, -right))
    if step.geometry is None:
        return x
    return F.fill_outside(x, needs.at(places), plane, step.fill)


def _normalised(model: Visible, images: np.ndarray, chain: Sequence[Step]) -> dict[str, np.ndarray]:
    """The outputs of contrast normalisations among the layers, on whole images."""
    needed = [step.name for step in chain if isinstance(step.layer, nn.LocalContrastNorm)]
    if not needed:
        return {}
    with no_grad():
        found = model.activations(Tensor(images), until=needed[-1])
    return {name: found[name].data for name in needed}


def _recalled(x: Tensor, value: np.ndarray) -> Tensor:
    """`value`, through which the walk back passes to x as the deconvnet passes normalisation."""
    return x + Tensor(value - x.data)
