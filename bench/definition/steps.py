"""Layers of a network in float64, each with its derivative.

`forward` keeps what `backward` needs. `terms`, `back_terms` and `weight_terms` count the roundings
on the way to an element of y, of gx and of the gradients of the weights, in a float32 computation.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from kernels import ConvGeometry, PoolGeometry, all_kernels
from kernels.contract.norm_geometry import LCNGeometry, LRNGeometry
from kernels.definition import pooling
from kernels.definition.convolution import conv2d, conv2d_dgrad, conv2d_wgrad
from kernels.definition.normalisation import Contrast, Response

Settings = dict[str, Any]


class Step(ABC):
    """One layer. `backward` adds the gradients of its weights to `gradients`, by their names.

    products: a library computes it with products, whose factors TF32 rounds.
    """

    terms = back_terms = weight_terms = 0
    products = False

    def __init__(self) -> None:
        self.gradients: dict[str, np.ndarray] = {}

    @abstractmethod
    def forward(self, x: np.ndarray) -> np.ndarray:
        """y for x, both with their batch as the first axis."""

    @abstractmethod
    def backward(self, gy: np.ndarray) -> np.ndarray:
        """gx for gy."""

    def add(self, **gradients: np.ndarray) -> None:
        """Add the gradients of the weights for one part of the batch."""
        for name, g in gradients.items():
            self.gradients[name] = self.gradients.get(name, 0) + g


class Convolve(Step):
    """x (N,C,H,W) -> y (N,K,P,Q)."""

    products = True

    def __init__(self, weight: np.ndarray, bias: np.ndarray, settings: Settings) -> None:
        super().__init__()
        self.weight, self.bias = weight.astype(np.float64), bias.astype(np.float64)
        self.settings = settings

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        self.g = g = ConvGeometry.of(x.shape, self.weight.shape, **self.settings)
        self.terms = roundings(g)
        self.back_terms, self.weight_terms = g.K * g.R * g.S // g.groups, g.P * g.Q
        return conv2d(x, self.weight, g) + self.bias[:, None, None]

    def backward(self, gy: np.ndarray) -> np.ndarray:
        self.add(weight=conv2d_wgrad(self.x, gy, self.g), bias=gy.sum((0, 2, 3)))
        return conv2d_dgrad(gy, self.weight, self.g)


def roundings(g: ConvGeometry) -> int:
    """The largest number that a kernel declares, since minidl may use any of them, and the bias."""
    chain = g.C // g.groups * g.R * g.S
    able = [k for k in all_kernels("conv2d") if k.supports(g)]
    counts = [k.error_bound(g) for k in able if k.error_bound is not None]
    return math.ceil(max([chain, *counts])) + 1


class Multiply(Step):
    """x (N,F) -> y (N,K)."""

    products = True

    def __init__(self, weight: np.ndarray, bias: np.ndarray) -> None:
        super().__init__()
        self.weight, self.bias = weight.astype(np.float64), bias.astype(np.float64)
        self.terms, self.back_terms = weight.shape[1] + 1, weight.shape[0]

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return x @ self.weight.T + self.bias  # (N,F) x (F,K) -> (N,K)

    def backward(self, gy: np.ndarray) -> np.ndarray:
        self.add(weight=gy.T @ self.x, bias=gy.sum(0))  # (K,N) x (N,F) -> (K,F)
        return gy @ self.weight  # (N,K) x (K,F) -> (N,F)


class Rectify(Step):
    """y = max(x, 0)."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.positive = x > 0
        return np.where(self.positive, x, 0)

    def backward(self, gy: np.ndarray) -> np.ndarray:
        return np.where(self.positive, gy, 0)


class MaxPool(Step):
    """x (N,C,H,W) -> y (N,C,P,Q)."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.g = PoolGeometry.of(x.shape, **self.settings)
        self.back_terms = self.g.R * self.g.S
        y, self.switches = pooling.max_pool2d(x, self.g)
        return y

    def backward(self, gy: np.ndarray) -> np.ndarray:
        return pooling.max_unpool2d(gy, self.switches, self.g)


class Average(Step):
    """x (N,C,H,W) -> the mean of each plane, y (N,C,1,1)."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.shape = x.shape
        self.terms = x.shape[2] * x.shape[3]
        return x.mean((2, 3), keepdims=True)

    def backward(self, gy: np.ndarray) -> np.ndarray:
        return np.broadcast_to(gy / self.terms, self.shape)


class NormaliseContrast(Step):
    """x (N,C,H,W) -> y of the same shape; roundings: mean over the maps, two separable blurs."""

    products = True

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings

    def forward(self, x: np.ndarray) -> np.ndarray:
        g = LCNGeometry.of(x.shape, **self.settings)
        self.terms, self.back_terms = 2 * g.C + 8 * g.size, 4 * g.C + 16 * g.size
        self.parts = Contrast(x, g)
        return self.parts.y

    def backward(self, gy: np.ndarray) -> np.ndarray:
        return self.parts.vjp(gy)


class NormaliseResponse(Step):
    """x (N,C,H,W) -> y of the same shape; roundings: t, its power, and the quotient."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings

    def forward(self, x: np.ndarray) -> np.ndarray:
        g = LRNGeometry.of(x.shape, **self.settings)
        self.terms, self.back_terms = 2 * g.size + 12, 4 * g.size + 24
        self.parts = Response(x, g)
        return self.parts.y

    def backward(self, gy: np.ndarray) -> np.ndarray:
        return self.parts.vjp(gy)


class Flatten(Step):
    """(N,C,H,W) -> (N,CHW)."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.shape = x.shape
        return x.reshape(len(x), math.prod(x.shape[1:]))  # (N,C,H,W) -> (N,CHW)

    def backward(self, gy: np.ndarray) -> np.ndarray:
        return gy.reshape(self.shape)  # (N,CHW) -> (N,C,H,W)
