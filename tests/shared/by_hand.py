"""Deconvnet's projection without the tape, written out layer by layer (paper, section 2.1)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from kernels.bounds import rounding
from minidl import Tensor
from minidl import functional as F
from zfnet.deconvnet import Unit
from zfnet.model import ConvNet, ZFNet

Norm = Literal["lcn", "lrn"] | None
SIDE = 64


def network(norm: Norm = "lcn", *, double: bool = False, **options: Any) -> ConvNet:
    """A small ZFNet whose random weights preserve the scale of signals; `double`: in float64."""
    settings = {"image_size": SIDE, "width": 0.05, "init": "he", "seed": 4, **options}
    model = ZFNet(12, norm=norm, **settings)
    rng = np.random.default_rng(8)
    for name, parameter in model.named_parameters():
        if name.endswith(".bias"):
            parameter.assign(rng.normal(0, 0.1, parameter.shape).astype(np.float32))
        if double:
            parameter.data = parameter.data.astype(np.float64)
    model.eval()
    return model


def pictures(count: int, side: int = SIDE, dtype: Any = np.float32) -> np.ndarray:
    """Random images of blocks and noise, (N,3,S,S), in the range of preprocessed images."""
    rng = np.random.default_rng(6)
    blocks = rng.uniform(-100, 100, (count, 3, side // 8, side // 8))
    grain = rng.uniform(-20, 20, (count, 3, side, side))
    return (blocks.repeat(8, axis=2).repeat(8, axis=3) + grain).astype(dtype)


def recorded(model: ConvNet, images: np.ndarray) -> dict[str, np.ndarray]:
    """Every layer's output on the tape, as a projection has it: where nothing is recorded weights
    are kept prepared, and another kernel may be the fastest."""
    return {name: y.detach().data for name, y in model.activations(Tensor(images)).items()}


class ByHand:
    """The projection from a layer down to the pixels: unpool, rectify, filter with flipped kernels.

    With `absolute` it uses absolute weights and does not rectify: this is the sum of the absolute
    products, in whose units rounding is bounded.
    """

    def __init__(
        self, model: ConvNet, activations: dict[str, np.ndarray], absolute: bool = False
    ) -> None:
        self.model, self.activations, self.absolute = model, activations, absolute

    def project(self, layer: str, signal: np.ndarray) -> np.ndarray:
        """`signal`, of the shape of the layer's activations before ReLU, projected to pixels."""
        number = int(layer[-1])
        for above in range(number, 5, -1):
            signal = signal @ self.weight(f"fc{above}")  # (N,K) x (K,F) -> (N,F)
            signal = self.rectified(signal) if above > 6 else self.down_to_conv5(signal)
        for above in range(min(number, 5), 1, -1):
            signal = self.rectified(self.unpooled(above - 1, self.filtered(above, signal)))
        return self.filtered(1, signal)

    def down_to_conv5(self, signal: np.ndarray) -> np.ndarray:
        planes = signal.reshape(self.activations["pool5"].shape)  # (N,CHW) -> (N,C,H,W)
        return self.rectified(self.unpooled(5, planes))

    def weight(self, layer: str) -> np.ndarray:
        weight = getattr(self.model, layer).weight.data
        return np.abs(weight) if self.absolute else weight

    def rectified(self, signal: np.ndarray) -> np.ndarray:
        return signal if self.absolute else F.relu(Tensor(signal)).data

    def unpooled(self, number: int, signal: np.ndarray) -> np.ndarray:
        """Unpooled by the switches of the layer's pool; unchanged if it has no pool."""
        names, pool = list(self.activations), f"pool{number}"
        if pool not in names:
            return signal
        before = self.activations[names[names.index(pool) - 1]]
        settings = getattr(self.model, pool).settings
        _, switches = F.max_pool2d(Tensor(before), **settings, return_switches=True)
        return F.max_unpool2d(Tensor(signal), switches, before.shape[2:]).data

    def filtered(self, number: int, signal: np.ndarray) -> np.ndarray:
        layer = f"conv{number}"
        g, weight = self.model.geometries()[layer], Tensor(self.weight(layer))
        stride, padding = g.stride[0], g.padding[0]
        missing = (g.H + 2 * padding - g.R) % stride
        settings = {"output_padding": missing, "algorithm": "exact"}
        return F.conv_transpose2d(Tensor(signal), weight, None, stride, padding, **settings).data

    def bound(self, layer: str, signal: np.ndarray) -> np.ndarray:
        """Both computations round each sum, of K R S products or of at most 4 maxima."""
        weights = [p for name, p in self.model.named_parameters() if name.endswith(".weight")]
        units = 2 * sum(w.size // w.shape[1] for w in weights) + 2 * 3 * 4
        products = ByHand(self.model, self.activations, absolute=True).project(
            layer, np.abs(signal)
        )
        return rounding(units, products, signal.dtype)


def one_unit(activation: np.ndarray, units: list[Unit]) -> np.ndarray:
    """The activations with all but one unit per image set to zero."""
    signal = np.zeros_like(activation)
    for n, unit in enumerate(units):
        place = (n, unit.map, unit.p, unit.q)[: activation.ndim]
        signal[place] = activation[place]
    return signal
