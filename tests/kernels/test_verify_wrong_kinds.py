"""Wrong kernels of gradients, pools, norms and products, each caught by one property."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kernels import Kernel, named
from kernels.definition import normalisation, pooling
from kernels.definition.convolution import DEFINITIONS
from kernels.verify import PROPERTIES, Violation, make, try_property
from kernels.verify.strata import THRESHOLDS

Array = np.ndarray


def skips_dead_gradients(gy: Array, w: Array, g: Any) -> Array:
    """No product is made where the gradient is 0, so NaN in the filters is lost."""
    if not gy.any():
        return np.zeros(g.x_shape, gy.dtype)
    return DEFINITIONS["conv2d_dgrad"](gy, w, g).astype(gy.dtype)


def flushes(gy: Array, x: Array, g: Any) -> Array:
    """As code that is compiled with -ffast-math."""
    gx = normalisation.local_response_norm_vjp(gy, x, g).astype(gy.dtype)
    return np.where(np.abs(gx) < np.finfo(gx.dtype).tiny, 0, gx).astype(gx.dtype)


def flushes_averages(x: Array, g: Any) -> Array:
    y = pooling.avg_pool2d(x, g).astype(x.dtype)
    return np.where(np.abs(y) < np.finfo(y.dtype).tiny, 0, y).astype(y.dtype)


class Packed:
    """Keeps matrices that it packed, by their shape and two of their values."""

    def __init__(self) -> None:
        self.kept: dict[Any, Array] = {}

    def __call__(self, a: Array, b: Array, g: Any, bias: Array | None = None) -> Array:
        key = b.shape, b.dtype, tuple(b.flat[[0, -1]]) if b.size else ()
        packed = self.kept.setdefault(key, b.copy())
        return a @ packed + (0 if bias is None else bias)


WRONG: dict[str, tuple[str, Any, int]] = {
    "dead filters": ("conv2d_dgrad", skips_dead_gradients, 20),
    "gradual underflow": ("local_response_norm_vjp", flushes, 4),
    "one element": ("matmul", Packed(), 20),
}


@pytest.mark.parametrize("caught", WRONG)
def test_a_wrong_kernel_is_caught(caught: str) -> None:
    operation, function, examples = WRONG[caught]
    kernel = Kernel(operation, "wrong", "cpu", function)
    if operation.startswith("local_"):
        kernel = replace(kernel, accuracy=named(operation, "sliding").accuracy)
    outcome = try_property(kernel, PROPERTIES[caught], examples, shrink=False)
    assert outcome.failure is not None


def test_averages_that_are_flushed_to_zero_are_caught() -> None:
    kernel = Kernel("avg_pool2d", "wrong", "cpu", flushes_averages)
    outcome = try_property(kernel, PROPERTIES["gradual underflow"], 8, shrink=False)
    assert outcome.failure is not None
    assert try_property(kernel, PROPERTIES["definition"], 8).holds


def test_the_last_row_of_a_large_plane_in_ceil_mode_is_tried() -> None:
    def forward(x: Array, g: Any) -> tuple[Array, Array]:
        y, switches = pooling.max_pool2d(x, g)
        if g.ceil_mode and g.H > 200:
            y[:, :, -1] = 0
        return y.astype(x.dtype), switches

    kernel = Kernel("max_pool2d", "wrong", "cpu", forward)
    large = [g for g in THRESHOLDS.geometries("max_pool2d") if g.ceil_mode and g.H > 200]
    with pytest.raises(Violation):
        PROPERTIES["thresholds"](kernel, make("max_pool2d", large[0], "normal", 0))
