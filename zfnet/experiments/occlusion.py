"""A grey square slides over an image: what does the network need to see? (paper, Fig 7)"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minidl import Tensor, no_grad
from minidl import functional as F
from zfnet.deconvnet import strongest
from zfnet.network import Network

GREY = 128.0


@dataclass(frozen=True, eq=False)
class OcclusionMap:
    """What happens as the square covers each place; all arrays are (P,Q), one value a place.

    square, stride: the square's side and how far it moves, in pixels.
    map:            the map of the last convolution that is strongest without the square.
    activation:     (b) that map's total activation.
    probability:    (d) of the true class; `clear` without the square.
    winner:         (e) the most probable class.
    """

    square: int
    stride: int
    label: int
    map: int
    activation: np.ndarray
    probability: np.ndarray
    winner: np.ndarray
    clear: float

    def extent(self) -> tuple[int, int, int, int]:
        """(top, left, bottom, right) in pixels of what the places cover, each stride wide, around
        the square's centres."""
        P, Q = self.probability.shape
        first = (self.square - self.stride) // 2
        return first, first, first + P * self.stride, first + Q * self.stride

    def darkest(self) -> tuple[float, float]:
        """(row, column) in pixels of the square's centre where the true class is least probable."""
        p, q = divmod(int(self.probability.argmin()), self.probability.shape[1])
        return p * self.stride + self.square / 2, q * self.stride + self.square / 2


def occlusion_map(
    network: Network,
    x: np.ndarray,
    label: int,
    *,
    square: int,
    stride: int,
    batch_size: int = 64,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> OcclusionMap:
    """Cover every place of a preprocessed image (3,S,S) in turn, the square inside the image.

    ValueError if the square does not fit, the stride is below 1 or the label is no class.
    """
    _check(network, x, label, square, stride)
    grey = GREY + x - _pixels(network, x)  # what grey becomes once the mean is subtracted
    layer = network.model.convolutions[-1].replace("conv", "relu")
    map = _strongest_map(network, x, layer)
    starts = range(0, x.shape[-1] - square + 1, stride)
    places = [(top, left) for top in starts for left in starts]
    totals, probabilities = [], []
    for first in range(0, len(places), batch_size):
        covered = np.stack(
            [_cover(x, grey, place, square) for place in places[first : first + batch_size]]
        )
        total, probability = _look(network, covered, layer, map)
        totals.append(total)
        probabilities.append(probability)
        progress(min(first + batch_size, len(places)), len(places))
    side = len(starts)
    p = np.concatenate(probabilities)  # (PQ,C)
    clear = float(network.probabilities(x[None])[0, label])
    grid = (side, side)
    return OcclusionMap(
        square, stride, label, map,
        activation=np.concatenate(totals).reshape(grid),  # (PQ,) -> (P,Q)
        probability=p[:, label].reshape(grid),
        winner=p.argmax(axis=1).reshape(grid),
        clear=clear,
    )  # fmt: skip


def _check(network: Network, x: np.ndarray, label: int, square: int, stride: int) -> None:
    S = x.shape[-1]
    if not 1 <= square <= S or stride < 1:
        raise ValueError(
            f"a square of {square} pixels every {stride} does not fit an image of {S}x{S}; "
            f"give a square of 1 to {S} and a stride of at least 1"
        )
    C = network.model.settings.num_classes
    if not 0 <= label < C:
        raise ValueError(f"the label {label} is none of the network's classes, 0 to {C - 1}")


def _pixels(network: Network, x: np.ndarray) -> np.ndarray:
    """The input (3,S,S) with the mean added back, in 0..255, as float."""
    return network.preprocess.to_pixels(x).transpose(2, 0, 1).astype(np.float32)


def _cover(x: np.ndarray, grey: np.ndarray, place: tuple[int, int], square: int) -> np.ndarray:
    top, left = place
    covered = x.copy()
    window = np.s_[:, top : top + square, left : left + square]
    covered[window] = grey[window]
    return covered


def _strongest_map(network: Network, x: np.ndarray, layer: str) -> int:
    network.model.eval()
    with no_grad():
        activation = network.model.activations(Tensor(x[None]), until=layer)[layer]
    return strongest(activation.data)[0].map


def _look(
    network: Network, images: np.ndarray, layer: str, map: int
) -> tuple[np.ndarray, np.ndarray]:
    """The map's total activation (N,) and the class probabilities (N,C)."""
    network.model.eval()
    with no_grad():
        activations = network.model.activations(Tensor(images))
        probabilities = F.softmax(activations["fc8"]).data
    return activations[layer].data[:, map].sum(axis=(1, 2)), probabilities
