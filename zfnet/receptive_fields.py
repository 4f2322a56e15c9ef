"""Receptive-field forward pass: a unit's activation, computed from its receptive field alone.

A unit depends on one window of each layer below it (`zfnet/views.py`). All units of a layer have
windows of one size at different positions, so that a batch of units is a batch of patches. Where
branches have windows of different sizes, each takes its own out of the largest. Where a window
reaches over the border of its layer's plane, it holds padding: 0 for a convolution, less than any
pixel for a max-pooling; the backward pass drops gradients there. The values and the projections are
those of the whole image, up to the order of sums.

Contrast normalisation divides each pixel by a mean over the whole image. Its output is therefore
computed on the whole image and cut out; the deconvnet passes it through in the backward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minidl import Tensor, device, nn, no_grad
from minidl import functional as F
from zfnet import patches
from zfnet.inspectable import InspectableGraph
from zfnet.steps import Step, steps
from zfnet.views import View


@dataclass(frozen=True, eq=False)
class Window:
    """Patches of `shape` (h,w) in a plane, with their top left corners `at` (N,2)."""

    at: np.ndarray
    shape: tuple[int, int]


def smaller_than_image(model: InspectableGraph, layer: str) -> bool:
    """Whether `layer` is windowed, with receptive fields smaller than the image."""
    if layer not in model.windowed():
        return False
    h, w = model.views(layer)[nn.INPUT].shape
    S = model.image_size
    return h * w < S * S


def forward(
    model: InspectableGraph, images: np.ndarray, layer: str, places: np.ndarray
) -> tuple[Tensor, Tensor, Window]:
    """The units' receptive fields as patches, and the units' activations, on the tape.

    images (N,3,S,S); places (N,2): p and q of each image's unit. Returns the patches (N,3,h,w), the
    activations (N,K,1,1) of all maps at those places, and the window of the patches.
    """
    images = device.move(images, model.device)
    fields = model.views(layer)
    chain = steps(model, [layer])
    whole = _normalised(model, images, chain)
    first = Window(fields[nn.INPUT].at(places), fields[nn.INPUT].shape)
    patch = Tensor(patches.cut(images, first.at, first.shape, 0.0), requires_grad=True)
    values = {nn.INPUT: patch}
    for step in chain:
        view, planes = fields[step.name], model.windowed()
        taken = [
            _taken(step, values[source], fields[source], view, places, planes[source])
            for source in step.inputs
        ]
        if step.name in whole:
            cut = patches.cut(whole[step.name], view.at(places), view.shape, 0.0)
            values[step.name] = _with_value(taken[0], cut)
        else:
            values[step.name] = step.on_patches(*taken, at=view.at(places))
    return patch, values[chain[-1].name], first


def _taken(
    step: Step, x: Tensor, has: View, view: View, places: np.ndarray, plane: tuple[int, int]
) -> Tensor:
    """The pixels of a step's input that it needs for `view`, with padding, from larger patches."""
    needs = view.through(step.geometry)
    top, left = (n - h for n, h in zip(needs.first, has.first, strict=True))
    bottom, right = (h - n - o for h, n, o in zip(has.shape, needs.shape, (top, left), strict=True))
    if (top, bottom, left, right) != (0, 0, 0, 0):
        x = F.pad2d(x, (-top, -bottom, -left, -right))
    if step.geometry is None:
        return x
    return F.fill_outside(x, needs.at(places), plane, step.fill)


def _normalised(
    model: InspectableGraph, images: np.ndarray, chain: Sequence[Step]
) -> dict[str, np.ndarray]:
    """The outputs of contrast normalisations among the layers, on whole images."""
    needed = [step.name for step in chain if isinstance(step.layer, nn.LocalContrastNorm)]
    if not needed:
        return {}
    with no_grad():
        found = model.activations(Tensor(images), until=needed[-1])
    return {name: found[name].data for name in needed}


def _with_value(x: Tensor, value: np.ndarray) -> Tensor:
    """`value`, with an identity as its backward rule, as the deconvnet has for normalisation."""
    return x + Tensor(value - x.data)
