"""The deconvnet is the paper's section 2.1: held against it written out layer by layer."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from tolerances import rounding, same_bits, within

from kernels.geometry import Box
from minidl import Tensor, no_grad, rules
from minidl import functional as F
from zfnet.deconvnet import Deconvnet, Projection, Unit, strongest
from zfnet.model import ConvNet, ZFNet

Norm = Literal["lcn", "lrn"] | None
NORMS: tuple[Norm, ...] = ("lcn", "lrn", None)
LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
POOLED = ("conv1", "conv2", "conv5")
SIDE = 64


def network(norm: Norm = "lcn", *, double: bool = False, **options: Any) -> ConvNet:
    """A small ZFNet whose random weights keep signals alive; with `double` in float64."""
    settings = {"image_size": SIDE, "width": 0.05, "init": "he", "seed": 4, **options}
    model = ZFNet(12, norm=norm, **settings).eval()
    rng = np.random.default_rng(8)
    for name, parameter in model.named_parameters():
        if name.endswith(".bias"):
            parameter.assign(rng.normal(0, 0.1, parameter.shape).astype(np.float32))
        if double:
            parameter.data = parameter.data.astype(np.float64)
    return model  # type: ignore[return-value]


def pictures(count: int, side: int = SIDE, dtype: Any = np.float32) -> np.ndarray:
    """Smooth random pictures, about as large as preprocessed ones."""
    rng = np.random.default_rng(6)
    coarse = rng.uniform(-100, 100, (count, 3, side // 8, side // 8))
    fine = rng.uniform(-20, 20, (count, 3, side, side))
    return (coarse.repeat(8, axis=2).repeat(8, axis=3) + fine).astype(dtype)


def recorded(model: ConvNet, images: np.ndarray) -> dict[str, np.ndarray]:
    with no_grad():
        return {name: y.data for name, y in model.activations(Tensor(images)).items()}


class ByHand:
    """The projection written out: unpool, rectify, filter with the flipped kernels, downwards.

    With `absolute` the weights count by their absolute value and nothing is rectified: the sum of
    the absolute products, which rounding errors are measured by.
    """

    def __init__(
        self, model: ConvNet, images: np.ndarray, seen: dict[str, np.ndarray], absolute: bool
    ) -> None:
        self.model, self.images, self.seen, self.absolute = model, images, seen, absolute

    def project(self, layer: str, signal: np.ndarray) -> np.ndarray:
        """`signal`, of the shape of the layer's activations before ReLU, at the pixels."""
        if layer.startswith("fc"):
            for number in range(int(layer[2]), 5, -1):
                signal = signal @ self.weight(f"fc{number}")  # (N,K) x (K,F) -> (N,F)
                if number > 6:
                    signal = self.rectified(signal)
            signal = signal.reshape(self.seen["pool5"].shape)  # (N,F) -> (N,C,H,W)
            signal = self.rectified(self.unpooled("conv5", signal))
            layer = "conv5"
        for number in range(int(layer[4]), 0, -1):
            signal = self.filtered(f"conv{number}", signal)
            if number > 1:
                below = f"conv{number - 1}"
                signal = self.rectified(self.unpooled(below, signal))
        return signal

    def weight(self, layer: str) -> np.ndarray:
        weight = getattr(self.model, layer).weight.data
        return np.abs(weight) if self.absolute else weight

    def rectified(self, signal: np.ndarray) -> np.ndarray:
        return signal if self.absolute else F.relu(Tensor(signal)).data

    def unpooled(self, layer: str, signal: np.ndarray) -> np.ndarray:
        """Back at the maxima that the pool after `layer` recorded; as it is if none follows."""
        if layer not in POOLED:
            return signal
        before = self.seen[f"relu{layer[4]}"]
        pool = getattr(self.model, f"pool{layer[4]}").settings
        _, switches = F.max_pool2d(Tensor(before), **pool, return_switches=True)
        return F.max_unpool2d(Tensor(signal), switches, before.shape[2:]).data

    def filtered(self, layer: str, signal: np.ndarray) -> np.ndarray:
        number = int(layer[4])
        conv, side = getattr(self.model, layer), SIDE
        if number > 1:
            below = self.seen.get(f"norm{number - 1}", self.seen[f"relu{number - 1}"])
            side = below.shape[2] if number != 2 and number != 3 else self.pooled_side(number)
        stride, padding = conv.settings["stride"], conv.settings["padding"]
        weight = Tensor(self.weight(layer))
        reached = (signal.shape[2] - 1) * stride - 2 * padding + weight.shape[2]
        return F.conv_transpose2d(
            Tensor(signal), weight, None, stride, padding, side - reached
        ).data

    def pooled_side(self, number: int) -> int:
        return self.seen[f"pool{number - 1}"].shape[2]
