"""Trials of one property on a kernel that a test defines, and a right convolution to begin with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kernels import ConvGeometry, Kernel
from kernels.contract.declarations import Accuracy
from kernels.definition.convolution import conv2d
from kernels.verify import PROFILES, PROPERTIES, Outcome, try_property

Forward = Callable[..., np.ndarray]


def right(x: np.ndarray, w: np.ndarray, g: ConvGeometry, *, bias: Any = None) -> np.ndarray:
    y = conv2d(x, w, g).astype(x.dtype)
    return y if bias is None else y + bias[:, None, None]


def conv(function: Forward) -> Kernel:
    return Kernel("conv2d", "tried", "cpu", function, Accuracy(spreads="padding"))


def tried(kernel: Kernel, law: str, profile: str = "ci") -> Outcome:
    return try_property(kernel, PROPERTIES[law], PROFILES[profile], shrink=False)
