"""Geometries that the suite tries, sizes that it counts by itself, and what reaches a kernel."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import pytest

from kernels import ConvGeometry, Kernel, PoolGeometry
from kernels.contract.pool import Pool
from kernels.definition.convolution import conv2d
from kernels.definition.pooling import avg_pool2d
from kernels.verify import PROFILES, PROPERTIES, Outcome, make, try_property
from kernels.verify.arrays import GUISES
from kernels.verify.strata import NETWORKS, THRESHOLDS
from kernels.verify.strata.networks import CONVOLUTIONS, convolution


def sized(kernel: Kernel) -> Outcome:
    return try_property(kernel, PROPERTIES["output size"], PROFILES["ci"], shrink=False)


def test_strata_list_every_geometry_once_the_cheapest_first() -> None:
    for stratum in (NETWORKS, THRESHOLDS):
        for operation in stratum.operations:
            geometries = stratum.geometries(operation)
            assert len(set(geometries)) == len(geometries) > 2


def test_layers_of_networks_have_the_sizes_that_are_published() -> None:
    outputs = {layer.name: convolution(layer).y_shape[1:] for layer in CONVOLUTIONS}
    assert outputs["resnet50.conv1"] == (64, 112, 112)
    assert outputs["alexnet.conv1"] == (96, 55, 55)
    assert outputs["vit_b_16.patches"] == (768, 14, 14)
    assert outputs["mobilenet_v2.block2"] == (96, 56, 56)
    assert outputs["deeplab_mobilenet.aspp12"] == (256, 17, 17)


def test_a_wrong_formula_of_the_output_size_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def outputs(g: PoolGeometry, axis: int) -> int:
        size, before, after = g._axis(axis)
        span = size + before + after - g.extent[axis]
        if not g.ceil_mode:
            return span // g.stride[axis] + 1
        count = -(-span // g.stride[axis]) + 1
        return count - ((count - 1) * g.stride[axis] > size + before)  # > for >=

    monkeypatch.setattr(PoolGeometry, "_outputs", outputs)
    kernel = Kernel("avg_pool2d", "tried", "cpu", lambda x, g: avg_pool2d(x, g).astype(x.dtype))
    assert sized(kernel).failure is not None


def test_a_valid_geometry_that_is_refused_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = ConvGeometry._check_window_fits

    def strict(g: ConvGeometry, what: str) -> None:
        sound(g, what)
        if (g.H, g.padding[:2]) == (g.extent[0], (0, 0)):
            raise ValueError(f"{what}: the window is as large as the plane")

    monkeypatch.setattr(ConvGeometry, "_check_window_fits", strict)
    kernel = Kernel("conv2d", "tried", "cpu", lambda x, w, g: conv2d(x, w, g).astype(x.dtype))
    outcome = sized(kernel)
    said = outcome.failure.reason if outcome.failure else outcome.unmet
    assert "the window is as large as the plane" in said


def test_a_scalar_of_numpy_is_an_array_without_axes() -> None:
    kernel = Kernel("relu", "tried", "cpu", lambda x: np.maximum(x, 0) * x.dtype.type(1))
    call = make("relu", (), "normal", 0, np.float32)
    assert [a.shape for a in call.run(kernel)] == [()]


def test_an_allocator_is_not_surprised_by_a_racing_thread() -> None:
    class Emptied(deque[Any]):
        """Another thread always takes the last block between the test and the removal."""

        def __bool__(self) -> bool:
            return True

    pool = Pool(returned=Emptied())
    assert pool.take((1 << 18,), np.dtype(np.float32)).size == 1 << 18


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 1, 3, 1), (1, 5), (1,)])
def test_no_negative_stride_reaches_a_kernel(shape: tuple[int, ...]) -> None:
    seen: list[tuple[int, ...]] = []

    def relu(x: np.ndarray) -> np.ndarray:
        seen.append(x.strides)
        return np.where(x <= 0, x.dtype.type(0), x)

    kernel = Kernel("relu", "tried", "cpu", relu)
    make("relu", shape, "normal", 0, np.float32).each(GUISES["negative strides"]).run(kernel)
    assert min(seen[0]) >= 0
