"""Convolutions that CUDA kernels are tried on, and their calls on a device."""

from __future__ import annotations

import numpy as np
import pytest

from kernels import ConvGeometry, Kernel
from kernels.cuda import host, place
from kernels.verify.calls import Call

GEOMETRIES = {
    "plain": ConvGeometry.of((2, 3, 6, 5), (4, 3, 3, 2)),
    "packs of four channels": ConvGeometry.of((2, 8, 5, 6), (4, 8, 3, 3), padding=1),
    "groups": ConvGeometry.of((2, 8, 6, 5), (6, 4, 3, 2), (2, 1), 1, groups=2),
    "a channel per group": ConvGeometry.of((1, 3, 5, 5), (6, 1, 3, 3), groups=3),
    "dilation": ConvGeometry.of((1, 2, 9, 9), (3, 2, 3, 3), (2, 3), 2, (2, 3)),
    "cropped": ConvGeometry.of((2, 4, 9, 9), (3, 4, 3, 2), 2, (-1, 2, 1, -2)),
    "stride above the window": ConvGeometry.of((2, 4, 9, 10), (2, 4, 2, 2), (3, 4)),
    "windows of padding alone": ConvGeometry.of((1, 2, 2, 3), (2, 2, 2, 2), 1, (4, 3, 0, 5)),
    "pixels that no window reaches": ConvGeometry.of((1, 4, 8, 7), (3, 4, 3, 3), 3, (0, -1, 0, 0)),
}

THREES = {
    "odd planes": ConvGeometry.of((2, 3, 7, 9), (5, 3, 3, 3), padding=1),
    "one output": ConvGeometry.of((1, 2, 3, 3), (1, 2, 3, 3)),
    "a plane of one pixel": ConvGeometry.of((2, 1, 1, 1), (4, 1, 3, 3), padding=1),
    "packs of four channels": ConvGeometry.of((1, 4, 8, 6), (8, 4, 3, 3), padding=1),
    "signed padding": ConvGeometry.of((1, 5, 9, 6), (2, 5, 3, 3), padding=(2, -1, -2, 4)),
    "more padding than window": ConvGeometry.of((1, 1, 2, 3), (3, 1, 3, 3), padding=(4, 3, 0, 5)),
    "groups": ConvGeometry.of((2, 8, 6, 5), (4, 4, 3, 3), padding=1, groups=2),
    "a channel per group": ConvGeometry.of((1, 3, 5, 5), (6, 1, 3, 3), groups=3),
    "filters of many blocks": ConvGeometry.of((1, 12, 3, 4), (11, 12, 3, 3), padding=1),
}
"""Windows of 3 x 3 at stride 1, which Winograd serves."""

EMPTY = {
    "no images": ConvGeometry.of((0, 2, 4, 4), (3, 2, 2, 2)),
    "no channels": ConvGeometry.of((2, 0, 4, 4), (3, 0, 2, 2)),
    "no filters": ConvGeometry.of((2, 2, 4, 4), (0, 2, 2, 2)),
    "no pixels": ConvGeometry.of((2, 2, 0, 3), (3, 2, 2, 2), padding=1),
}

EMPTY_THREES = {
    "no images": ConvGeometry.of((0, 2, 4, 4), (3, 2, 3, 3)),
    "no channels": ConvGeometry.of((2, 0, 4, 4), (3, 0, 3, 3)),
    "no filters": ConvGeometry.of((2, 2, 4, 4), (0, 2, 3, 3)),
    "no pixels": ConvGeometry.of((2, 2, 0, 3), (3, 2, 3, 3), padding=2),
}

geometries = pytest.mark.parametrize("g", GEOMETRIES.values(), ids=GEOMETRIES.keys())
threes = pytest.mark.parametrize("g", THREES.values(), ids=THREES.keys())
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def run(kernel: Kernel, call: Call, device: str) -> np.ndarray:
    """The result of `kernel` on the device, as a NumPy array."""
    moved = call.each(lambda array: place(array, device))
    return host(kernel(*moved.inputs.values(), call.g, **moved.options))
