"""Attribution in ZFNet: the projection of a unit to pixels, and occlusion by a square.

Both are compared with Captum in PyTorch on the same network: `NeuronDeconvolution` for one unit of
each image of a batch, and `Occlusion` over one image, with the number of squares at once that is
fastest (`CAPTUMS`). Captum uses the gradient of the normalisation, so ours does here too, and the
results are comparable. The expected results are those of the definition's chain of layers in
float64; the error bound follows from that chain with noise (`bench/definition/chain.py`).
"""

from __future__ import annotations

import importlib.util
import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.cases import Case
from bench.definition.chain import CHUNK, SEED, Chain, allowed, steps_of
from bench.definition.steps import Rectify, Step
from bench.network_layers import Square, Unit
from bench.operations.networks import Network, zfnet
from bench.operations.operation import Call, Output, Part, Tensors, at_most, operation
from minidl import device as devices
from minidl import nn, rules
from zfnet.deconvnet import Deconvnet
from zfnet.deconvnet import Unit as Place
from zfnet.incremental import Change, IncrementalForward
from zfnet.model import ZFNet

TABLE = rules.gradient.derive("Captum's", relu=rules.rectify_from_above)
CAPTUMS, OURS = 16, 128
"""Squares in a batch: the fastest of 16, 32, 64 and 128 for Captum (12 to 14 s)."""
LABEL = 0


class RectifyFromAbove(Rectify):
    """The deconvnet's ReLU: backward it rectifies the cotangent from above."""

    def backward(self, gy: np.ndarray) -> np.ndarray:
        return np.maximum(gy, 0)


class AttributionMethod(Network):
    """One of Captum's methods."""

    def model(self, case: Case) -> nn.Sequential:
        return zfnet(case)

    def serves(self, library: str, case: Case) -> bool:
        return super().serves(library, case) and importlib.util.find_spec("captum") is not None


@operation
class Projection(AttributionMethod):
    """(N,3,S,S): for each image one unit of a map, projected to the pixels from an activation of 1.

    The unit is the middle one of the map whose minimum over all images is largest.
    """

    name = "projection"
    layer = Unit

    def operations(self, case: Case) -> int:
        """Those of the whole images forward and backward, as a library computes them."""
        return 2 * self.sizes(case).forward

    def bytes(self, case: Case) -> int:
        """The result, and the weights of the layers below the unit's. Of the images and of the
        unit's own layer a small part suffices, so they do not count."""
        weights = [p.shape for p in _layers_below(case)]
        return 4 * (int(np.prod(self.shape(case))) + sum(map(math.prod, weights)))

    def outputs(self, case: Case) -> list[Output]:
        return [Output(self.shape(case))]

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        (x,), place = self.inputs(case).values(), _place(case, self.inputs(case)["x"])
        noise = np.random.default_rng(SEED)
        for first in range(0, case.batch, CHUNK):
            where = slice(first, first + CHUNK)
            some = x[where].astype(np.float64)
            expected, other = (_projected(case, some, place, rng, tf32) for rng in (None, noise))
            bound = allowed(expected, other)
            yield Part(0, where, expected, at_most(bound), as_norm=True)

    def call(self, case: Case, name: str, device: str = "cpu") -> Call:
        model, images, layer = zfnet(case).to(device), self.inputs(case)["x"], _layer(case)
        walker, places = Deconvnet(model, TABLE), [_place(case, images)] * case.batch
        x = devices.move(images, device)

        def timed() -> list[Any]:
            return walker.project_each(x, layer, places)

        return Call(timed, lambda found: [np.stack([p.pixels / p.value for p in found])])

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        from captum.attr import NeuronDeconvolution

        counterpart, place = _counterpart(zfnet(case), layout), _place(case, self.inputs(case)["x"])
        method = NeuronDeconvolution(counterpart, getattr(counterpart, _layer(case)))
        x, selected = tensors["x"], (place.map, place.p, place.q)
        return Call(lambda: method.attribute(x, selected).detach())


@operation
class Occlusion(AttributionMethod):
    """(N,3,S,S): mean fall of the first class's score over the squares that hide a pixel.

    The squares are black, Captum's baseline of 0 in the preprocessed image.
    """

    name = "occlusion"
    layer = Square

    def operations(self, case: Case) -> int:
        """Those of the whole image for every square, as a library computes them."""
        return self.sizes(case).forward * len(_corners(case))

    def bytes(self, case: Case) -> int:
        return 8 * int(np.prod(self.shape(case))) + 4 * self.sizes(case).parameters

    def outputs(self, case: Case) -> list[Output]:
        return [Output(self.shape(case))]

    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        """The pixels at the four corners, each under one square, and the middle pixel."""
        net, model = _square(case), zfnet(case)
        S, corners = net.image, _corners(case)
        noise = np.random.default_rng(SEED)
        chains = Chain(steps_of(model)), Chain(steps_of(model), noise, tf32)
        middle = S // 2, S // 2
        for n, x in enumerate(self.inputs(case)["x"].astype(np.float64)):
            for h, w in ((0, 0), (0, S - 1), (S - 1, 0), (S - 1, S - 1), middle):
                over = [c for c in corners if _hides(c, net.square, h, w)]
                expected, other = (_fall(chain, x, over, net.square) for chain in chains)
                bound = allowed(np.array(expected), np.array(other))
                yield Part(0, (n, slice(None), h, w), np.full(3, expected), at_most(bound))

    def call(self, case: Case, name: str, device: str = "cpu") -> Call:
        model, net, corners = zfnet(case).to(device), _square(case), np.array(_corners(case))
        x = devices.move(self.inputs(case)["x"], device)

        def timed() -> np.ndarray:
            return np.stack([_mean_fall(model, image, corners, net.square) for image in x])

        return Call(timed)

    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        from captum.attr import Occlusion as Captums

        net, method, x = _square(case), Captums(_counterpart(zfnet(case), layout)), tensors["x"]
        window, strides = (3, net.square, net.square), (3, net.stride, net.stride)
        options = {"target": LABEL, "perturbations_per_eval": CAPTUMS}
        return Call(lambda: method.attribute(x, window, strides, **options).float())


def _layer(case: Case) -> str:
    assert isinstance(case.layer, Unit)
    return case.layer.layer


def _layers_below(case: Case) -> Iterator[Any]:
    """The parameters of the layers between the image and the unit's."""
    for name, layer in zfnet(case).children():
        if name == _layer(case):
            return
        yield from layer.parameters()


def _square(case: Case) -> Square:
    assert isinstance(case.layer, Square)
    return case.layer


def _counterpart(model: ZFNet, layout: Any) -> Any:
    from bench.torch_networks import network

    warnings.filterwarnings("ignore", module="captum")  # a warning that it replaces ReLU's gradient
    return network(model).to(memory_format=layout).eval()


def _place(case: Case, x: np.ndarray) -> Place:
    """The middle unit of the map whose minimum over all images is largest."""
    chain = Chain(_below(case))
    y = np.concatenate([chain.forward(x[n : n + CHUNK].astype(np.float64))
                        for n in range(0, len(x), CHUNK)])  # fmt: skip
    p, q = (side // 2 for side in y.shape[2:])
    return Place(int(y[:, :, p, q].min(axis=0).argmax()), p, q)


def _below(case: Case) -> dict[str, Step]:
    """The steps up to the unit's layer, with the deconvnet's ReLU."""
    found: dict[str, Step] = {}
    for name, step in steps_of(zfnet(case)).items():
        found[name] = RectifyFromAbove() if isinstance(step, Rectify) else step
        if name == _layer(case):
            break
    return found


def _projected(
    case: Case, x: np.ndarray, place: Place, rng: np.random.Generator | None, tf32: bool
) -> np.ndarray:
    """The definition's projection of images (N,3,S,S); with `rng`, the perturbed one."""
    chain = Chain(_below(case), rng, tf32)
    cotangent = np.zeros_like(chain.forward(x))
    cotangent[:, place.map, place.p, place.q] = 1
    return chain.backward(cotangent)


def _corners(case: Case) -> list[tuple[int, int]]:
    net = _square(case)
    starts = range(0, net.image - net.square + 1, net.stride)
    return [(top, left) for top in starts for left in starts]


def _hides(corner: tuple[int, int], square: int, h: int, w: int) -> bool:
    top, left = corner
    return top <= h < top + square and left <= w < left + square


def _fall(chain: Chain, x: np.ndarray, over: list[tuple[int, int]], square: int) -> float:
    """Mean fall of the score over the squares at `over`, which hide parts of x (3,S,S)."""
    images = np.repeat(x[None], len(over) + 1, axis=0)
    for image, (top, left) in zip(images[1:], over, strict=True):
        image[:, top : top + square, left : left + square] = 0
    scores = [float(chain.forward(image[None])[0, LABEL]) for image in images]
    return scores[0] - float(np.mean(scores[1:]))


def _mean_fall(model: ZFNet, x: np.ndarray, corners: np.ndarray, square: int) -> np.ndarray:
    """(3,S,S): for each pixel of x the mean fall of the score over the squares that hide it."""
    incremental = IncrementalForward(model, x)
    falls, clear = [], devices.host(incremental.kept["fc8"])[0, LABEL, 0, 0]  # of (1,K,1,1)
    for first in range(0, len(corners), OURS):
        at = corners[first : first + OURS]
        black = np.zeros((len(at), 3, square, square), x.dtype)
        falls.append(clear - incremental.scores(Change(black, at))[:, LABEL])
    total, count = (np.zeros(x.shape[1:]) for _ in range(2))
    for (top, left), fall in zip(corners, np.concatenate(falls), strict=True):
        total[top : top + square, left : left + square] += fall
        count[top : top + square, left : left + square] += 1
    mean = (total / np.maximum(count, 1)).astype(x.dtype)
    return np.broadcast_to(mean, x.shape)
