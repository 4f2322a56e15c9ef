"""A unit's receptive field as a small network of its own: what it sees is all that is computed.

From the unit down to the image, each layer contributes the window of pixels that the unit depends
on (`kernels.geometry.sees`). All units of a layer have windows of one size, at their own places,
so that a batch of units is a batch of patches. Where a window reaches over the border of its
layer's plane, it holds padding: 0 for a convolution, less than any pixel for a pooling; the walk
back drops what arrives there. The values and the projections are those of the whole image, up to
the order of sums.

Contrast normalisation needs its whole image (each pixel is divided by a mean over all of it), so
its output is computed there and cut out; the deconvnet passes it through on the way back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kernels import patches
from kernels.geometry import Box
from minidl import Tensor, nn, no_grad
from minidl import functional as F
from zfnet.model import ConvNet
from zfnet.steps import Geometry, Step, steps


@dataclass(frozen=True, eq=False)
class Window:
    """Where patches of `shape` (h,w) begin in their plane: at (N,2)."""

    at: np.ndarray
    shape: tuple[int, int]

    def seen(self, g: Geometry) -> Window:
        """The window of g's input that this one of its output is computed from."""
        box = g.sees(Box(0, self.shape[0], 0, self.shape[1]))
        first = np.array([box.top, box.left])
        return Window(self.at * np.array(g.stride) + first, box.shape)


def pay_off(model: ConvNet, layer: str) -> bool:
    """Whether a unit of `layer` sees less than the image: else its field is no smaller network."""
    names = [name for name, _ in model.children()]
    if names.index(layer) >= names.index("flatten"):
        return False
    h, w = model.receptive_field(layer, 0, 0).shape
    S = model.settings.image_size
    return h * w < S * S


def look(
    model: ConvNet, images: np.ndarray, layer: str, places: np.ndarray
) -> tuple[Tensor, Tensor, Window]:
    """The patches that units see, and the units' activations, on the tape.

    images (N,3,S,S); places (N,2): p and q of each image's unit. Returns the patches (N,3,h,w),
    which begin where the window says, and the activations (N,K,1,1) of all maps at those places.
    """
    chain = steps(model, layer)
    windows = _windows(chain, places)
    whole, first = _normalised(model, images, chain), windows[0]
    x = patch = Tensor(patches.cut(images, first.at, first.shape, 0.0), requires_grad=True)
    for step, window, after in zip(chain, windows, windows[1:], strict=False):
        if step.name in whole:
            x = _recalled(x, patches.cut(whole[step.name], after.at, after.shape, 0.0))
        elif step.geometry is None or window is first:  # (the image was cut with its padding)
            x = step.bare(x)
        else:
            plane = step.geometry.H, step.geometry.W
            x = step.bare(F.fill_outside(x, window.at, plane, step.fill))
    return patch, x, first


def _windows(chain: Sequence[Step], places: np.ndarray) -> list[Window]:
    """The window before each of the steps, and last the unit itself."""
    found = [Window(np.asarray(places), (1, 1))]
    for step in reversed(chain):
        found.append(found[-1] if step.geometry is None else found[-1].seen(step.geometry))
    return found[::-1]


def _normalised(model: ConvNet, images: np.ndarray, chain: Sequence[Step]) -> dict[str, np.ndarray]:
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
