"""Non-temporal stores and prefetch for arrays larger than the caches: the same bits."""

from __future__ import annotations

import numpy as np
import pytest

import kernels
from kernels import ConvGeometry, PoolGeometry
from kernels.contract import memory
from kernels.contract.machine import NEAR_CACHES as NEAR
from kernels.cpu.non_temporal import past_caches
from kernels.cpu.taps import channels


def nhwc(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    N, C, H, W = shape
    # (N,H,W,C) -> (N,C,H,W)
    return rng.standard_normal((N, H, W, C), np.float32).transpose(0, 3, 1, 2)


@pytest.mark.parametrize("operation", ["conv2d", "conv2d_dgrad", "conv2d_wgrad"])
@pytest.mark.parametrize(("size", "stride"), [(3, 1), (5, 2)])
def test_non_temporal_stores_leave_the_same_bits(operation: str, size: int, stride: int) -> None:
    rng = np.random.default_rng(0)
    g = ConvGeometry.of((4, 48, 60, 60), (64, 48, size, size), stride, size // 2)
    x, w, gy = (nhwc(shape, rng) for shape in (g.x_shape, g.w_shape, g.y_shape))
    arrays = {"conv2d": (x, w), "conv2d_dgrad": (gy, w), "conv2d_wgrad": (x, gy)}[operation]
    kernel = kernels.pick(operation, "cpu", g, "winograd_tiles")
    whole = kernel(*arrays, g)
    with memory.in_chunks(NEAR // 8):  # transforms that fit into the caches use ordinary stores
        parts = kernel(*arrays, g)
    assert np.isfinite(whole).all() and np.array_equal(whole, parts)


def test_only_large_aligned_arrays_are_written_past_the_caches() -> None:
    large = memory.empty((NEAR // 4 + 64,), np.float32)
    assert past_caches(large)
    assert not past_caches(large[1:]), "vectors would not be aligned"
    assert not past_caches(large[: NEAR // 4])


@pytest.mark.parametrize("padding", [0, 1])
def test_pooling_with_prefetch_gives_the_same_bits(padding: int) -> None:
    C = channels(np.dtype(np.float32)) + 3  # a block, and some beyond it
    g = PoolGeometry.of((2, C, 12, 9), 3, 2, padding)
    x = nhwc(g.x_shape, np.random.default_rng(0))
    near = _pooled_and_back(x, g)
    with memory.in_chunks(1):  # as if no cache held it
        far = _pooled_and_back(x, g)
    for a, b in zip(near, far, strict=True):
        np.testing.assert_array_equal(a, b)


def _pooled_and_back(x: np.ndarray, g: PoolGeometry) -> list[np.ndarray]:
    y, switches = kernels.named("max_pool2d", "pairs")(x, g)
    names = ("gather", "choice")
    return [y, switches, *(kernels.named("max_unpool2d_vjp", n)(x, switches, g) for n in names)]
