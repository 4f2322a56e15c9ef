"""Measurements of first-layer filters: dead, dominating, aliased (paper, section 4.1, Fig 6).

A convolution of stride s is the one of stride 1, sampled at every s-th pixel. The part of its
response above the Nyquist frequency, 1 / (2 s) cycles per pixel along either axis, is folded onto
lower frequencies. This is the aliasing that the paper saw in AlexNet's second layer and attributed
to stride 4. The aliased share is the share of the response's energy above that frequency. For white
noise it is 1 - 1 / s^2, 75 % at stride 2 and 94 % at stride 4; at stride 1 it is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal.windows import hann

from minidl import Tensor, device, no_grad
from minidl import functional as F
from zfnet.data import Dataset, Loader, Loading
from zfnet.data.subset import evenly
from zfnet.experiments.shared.results import Report, silent
from zfnet.network import Network, require_conv_net

WEAK = 0.1
"""A filter is dead if its RMS is below this share of the median filter's ..."""
STRONG = 3.0
"""... and dominates if it is above this multiple, or if its activation is above ..."""
LOUD = 10.0
"""... this multiple of the median filter's."""
STRIDES = (1, 2, 3, 4, 5, 6)
BATCH = 64


@dataclass(frozen=True, eq=False)
class FirstLayer:
    """Conv1 of one network, and its responses to a data set.

    weight:     (K,3,R,R); stride in pixels.
    largest, total: (K,) largest and summed activation after ReLU over all images and places.
    energy:     (K,) of the response at stride 1 without its mean, over the sampled images.
    aliased:    by stride of STRIDES and the own one: (K,) share of that energy, 0 to 1.
    """

    weight: np.ndarray
    stride: int
    largest: np.ndarray
    total: np.ndarray
    energy: np.ndarray
    aliased: dict[int, np.ndarray]

    @property
    def title(self) -> str:
        """ "7 × 7 / 2"."""
        return f"{self.weight.shape[2]} × {self.weight.shape[3]} / {self.stride}"

    @property
    def rms(self) -> np.ndarray:
        """(K,) root of the mean square of each filter's weights."""
        return np.sqrt(np.square(self.weight, dtype=np.float64).mean(axis=(1, 2, 3)))

    @property
    def never_active(self) -> np.ndarray:
        """(K,) bool: no activation above zero in any image."""
        return self.largest <= 0

    @property
    def weak(self) -> np.ndarray:
        """(K,) bool: RMS below WEAK times the median."""
        return self.rms < WEAK * np.median(self.rms)

    @property
    def dead(self) -> np.ndarray:
        """(K,) bool: never active, or weak."""
        return self.never_active | self.weak

    @property
    def strong(self) -> np.ndarray:
        """(K,) bool: RMS above STRONG times the median."""
        return self.rms > STRONG * np.median(self.rms)

    @property
    def loud(self) -> np.ndarray:
        """(K,) bool: total activation above LOUD times the median."""
        return self.total > LOUD * np.median(self.total)

    @property
    def dominating(self) -> np.ndarray:
        """(K,) bool: strong, or loud."""
        return self.strong | self.loud

    @property
    def dominance(self) -> float:
        """The largest RMS as a multiple of the median; 0 if all filters are zero."""
        return float(self.rms.max() / (np.median(self.rms) or np.inf))

    def aliasing(self, stride: int | None = None) -> float:
        """The mean share aliased, 0 to 1, of the filters that respond; 0 if none does."""
        responds = self.energy > 0
        shares = self.aliased[stride or self.stride][responds]
        return float(shares.mean()) if responds.any() else 0.0


def study(
    network: Network, dataset: Dataset, *, images: int = 200, report: Report = silent
) -> FirstLayer:
    """Measure conv1 on the centre crops of a data set, aliasing on `images` evenly spread ones.

    ValueError if `images` is below 1, or none can be read.
    """
    if images < 1:
        raise ValueError(f"aliasing is measured in {images} images, at least 1 is needed")
    weight, stride = _conv1(network)
    strides = sorted({*STRIDES, stride})
    K = len(weight)
    largest, total, energy = np.full(K, -np.inf), np.zeros(K), np.zeros(K)
    above = {s: np.zeros(K) for s in strides}
    sampled = evenly(images, len(dataset))
    network.model.eval()
    loader = Loader(dataset, network.preprocess, BATCH, Loading.in_order())
    for batch in loader.epoch(0):
        with no_grad():
            x = network.model.input_tensor(batch.images)
            activation = network.model.activations(x, until="relu1")["relu1"].numpy()
        largest = np.maximum(largest, activation.max(axis=(0, 2, 3)))
        total += activation.sum(axis=(0, 2, 3), dtype=np.float64)
        for image in batch.images[np.isin(batch.indices, sampled)]:
            of_image, above_of_image = spectral_energy(response(image, weight), strides)
            energy += of_image
            for s in strides:
                above[s] += above_of_image[s]
        report("first layer", int(batch.indices[-1]) + 1, len(dataset))
    shares = {s: above[s] / np.where(energy > 0, energy, 1) for s in strides}
    return FirstLayer(weight, stride, largest, total, energy, shares)


def _conv1(network: Network) -> tuple[np.ndarray, int]:
    conv1 = dict(require_conv_net(network, "first-layer").children())["conv1"]
    geometry = network.model.geometries()["conv1"]
    return device.host(conv1.state_dict()["weight"]).copy(), geometry.stride[0]


def response(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """An input (3,S,S) filtered by (K,3,R,R) at every pixel, without border: (K,S-R+1,S-R+1)."""
    with no_grad():
        return F.conv2d(Tensor(x[None]), Tensor(weight)).data[0]


def spectral_energy(
    response: np.ndarray, strides: Sequence[int]
) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """The energy (K,) of (K,P,Q) without its mean, and by stride the energy above Nyquist.

    With a Hann window: the response is not periodic, and without a window the jump at the border
    would count as high frequencies.
    """
    P, Q = response.shape[1:]
    window = np.outer(hann(P + 2)[1:-1], hann(Q + 2)[1:-1])  # its zeros lie just outside
    centred = response - response.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
    power = np.abs(np.fft.fft2(centred * window)) ** 2
    # In whole cycles: cycles / P > 1 / (2 s), without rounding
    rows, columns = (np.minimum(np.arange(n), n - np.arange(n)) for n in (P, Q))
    above = {
        s: power[:, (2 * s * rows[:, None] > P) | (2 * s * columns > Q)].sum(axis=1)
        for s in strides
    }
    return power.sum(axis=(1, 2)), above
