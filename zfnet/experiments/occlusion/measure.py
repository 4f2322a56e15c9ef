"""Occlusion maps: outputs as a grey square covers each place of an image (paper, Fig 7).

The square begins at every multiple of the stride, until it has covered the last rows and columns.
Where it would leave the image there, the image's edge cuts it, as in Captum's `Occlusion`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minidl import Tensor
from minidl import functional as F
from zfnet import patches
from zfnet.deconvnet import strongest
from zfnet.incremental import Change, IncrementalForward
from zfnet.network import Network

GREY = 128.0


@dataclass(frozen=True, eq=False)
class OcclusionMap:
    """Outputs by the square's position; all arrays are (P,P), one value for each position.

    image_size:     side of the image, in pixels.
    square, stride: the square's side and its step, in pixels.
    map:            the strongest map of the last spatial layer without the square.
    activation:     (b) that map's total activation.
    probability:    (d) of the true class; `clear` without the square.
    winner:         (e) the most probable class.
    """

    image_size: int
    square: int
    stride: int
    label: int
    map: int
    activation: np.ndarray
    probability: np.ndarray
    winner: np.ndarray
    clear: float

    def centres(self) -> np.ndarray:
        """(P,) float: the centres of the squares along one side, in pixels; of a square that the
        image's edge cuts, the centre of what is left."""
        starts = np.array(places(self.image_size, self.square, self.stride))
        return (starts + np.minimum(starts + self.square, self.image_size)) / 2

    def extent(self) -> tuple[int, int, int, int]:
        """(top, left, bottom, right), in pixels, of the area of all cells: each is stride wide,
        around the centre of the uncut square. It may end outside of the image."""
        P, Q = self.probability.shape
        first = (self.square - self.stride) // 2
        return first, first, first + P * self.stride, first + Q * self.stride

    def darkest(self) -> tuple[float, float]:
        """(row, column) in pixels: the square's centre where the true class is least probable."""
        p, q = divmod(int(self.probability.argmin()), self.probability.shape[1])
        centres = self.centres().tolist()
        return centres[p], centres[q]


def places(image_size: int, square: int, stride: int) -> range:
    """Where the squares begin along one side: multiples of the stride, up to the first square that
    reaches the image's edge, if it begins inside."""
    count = -(-(image_size - square) // stride) + 1
    return range(0, min(count * stride, image_size), stride)


def default_square(image_size: int) -> tuple[int, int]:
    """(square, stride) for images of that side: 32 and 8 for 224 pixels, and in proportion."""
    return max(1, round(image_size * 32 / 224)), max(1, round(image_size * 8 / 224))


def occlusion_map(
    network: Network,
    x: np.ndarray,
    label: int,
    *,
    square: int,
    stride: int,
    batch_size: int = 128,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> OcclusionMap:
    """Occlude a preprocessed image (3,S,S) at every position of the square.

    Only the outputs that depend on the square are recomputed (`zfnet/incremental.py`).
    ValueError if the square does not fit, the stride is below 1 or the label is no class.
    """
    _check(network, x, label, square, stride)
    grey = grey_pixels(network, x)
    layer = network.model.last_spatial_layer
    forward = IncrementalForward(network.model, x)
    map = strongest(forward.kept[layer])[0].map
    starts = places(x.shape[-1], square, stride)
    corners = np.array([(top, left) for top in starts for left in starts])
    totals, probabilities = [], []
    for first in range(0, len(corners), batch_size):
        change = change_at(x, grey, corners[first : first + batch_size], square)
        planes, scores = forward.map_and_scores(change, layer, map)
        totals.append(planes.sum(axis=(1, 2)))
        probabilities.append(F.softmax(Tensor(scores)).data)
        progress(min(first + batch_size, len(corners)), len(corners))
    side = len(starts)
    p = np.concatenate(probabilities)  # (PQ,C)
    scores = forward.kept[network.model.scores].reshape(1, -1)  # (1,C,...) -> (1,C)
    clear = float(F.softmax(Tensor(scores)).numpy()[0, label])
    grid = (side, side)
    return OcclusionMap(
        x.shape[-1], square, stride, label, map,
        activation=np.concatenate(totals).reshape(grid),  # (PQ,) -> (P,Q)
        probability=p[:, label].reshape(grid),
        winner=p.argmax(axis=1).reshape(grid),
        clear=clear,
    )  # fmt: skip


def change_at(x: np.ndarray, grey: np.ndarray, corners: np.ndarray, square: int) -> Change:
    """The squares that begin at `corners` (N,2), as windows of one shape inside the image.

    The window of a square that the image's edge cuts begins before it, with the image's own pixels.
    """
    at = np.minimum(corners, x.shape[-1] - square)
    squares = patches.cut(grey[None], at, (square, square), 0.0)
    if (at == corners).all():
        return Change(squares, at)
    pixels = patches.cut(x[None], at, (square, square), 0.0)
    row, column = np.indices((square, square))
    before = (corners - at)[:, :, None, None]  # (N,2) -> (N,2,1,1)
    inside = (row >= before[:, 0]) & (column >= before[:, 1])  # (N,h,w)
    np.copyto(squares, pixels, where=~inside[:, None])  # (N,1,h,w) for all channels
    return Change(squares, at)


def _check(network: Network, x: np.ndarray, label: int, square: int, stride: int) -> None:
    network.require_scores("an occlusion map")
    S = x.shape[-1]
    if not 1 <= square <= S or stride < 1:
        raise ValueError(
            f"a square of {square} pixels every {stride} does not fit an image of {S}x{S}; "
            f"give a square of 1 to {S} and a stride of at least 1"
        )
    C = network.model.num_classes
    if not 0 <= label < C:
        raise ValueError(f"the label {label} is none of the network's classes, 0 to {C - 1}")


def grey_pixels(network: Network, x: np.ndarray) -> np.ndarray:
    """A grey image (3,S,S) after the mean is subtracted, as it is from the input x (3,S,S)."""
    return GREY + x - _pixels(network, x)


def _pixels(network: Network, x: np.ndarray) -> np.ndarray:
    """The input (3,S,S) with the mean added back, in 0..255, as float."""
    return network.preprocess.to_pixels(x).transpose(2, 0, 1).astype(np.float32)
