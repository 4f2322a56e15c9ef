"""Every CUDA convolution: bound, empty arrays, any schedule."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from kernels import ConvGeometry, Kernel, all_kernels
from kernels.bounds import same_bits, within
from kernels.contract import memory
from kernels.cuda import emulator
from kernels.cuda.grids import few_blocks
from kernels.verify.calls import make
from tests.kernels.cuda_cases import EMPTY, EMPTY_THREES, GEOMETRIES, THREES, dtypes, run

KERNELS = [
    kernel
    for operation in ("conv2d", "conv2d_dgrad", "conv2d_wgrad")
    for kernel in all_kernels(operation)
    if kernel.device == "cuda"
]


def served(*tables: Mapping[str, ConvGeometry]) -> pytest.MarkDecorator:
    """Each kernel with each geometry that it serves."""
    named = [item for table in tables for item in table.items()]
    pairs = [
        pytest.param(kernel, g, id=f"{kernel.operation} {kernel.name}: {name}")
        for kernel in KERNELS
        for name, g in named
        if kernel.supports(g)
    ]
    return pytest.mark.parametrize(("kernel", "g"), pairs)


def test_there_are_kernels_of_every_kind() -> None:
    names = {kernel.name for kernel in KERNELS}
    assert names >= {"naive", "im2col", "flipped", "implicit_gemm", "winograd_2x2", "winograd_4x4"}


@dtypes
@served(GEOMETRIES, THREES)
def test_a_result_is_within_the_kernels_bound(
    kernel: Kernel, g: ConvGeometry, dtype: type, cuda_device: str
) -> None:
    call = make(kernel.operation, g, "normal", 1, dtype)
    with memory.poisoned():
        y = run(kernel, call, cuda_device)
    (expected,), (bound,) = call.define(), call.bound(kernel)
    assert y.dtype == dtype and within(y, expected, bound)


@served(EMPTY, EMPTY_THREES)
def test_nothing_sums_to_zero(kernel: Kernel, g: ConvGeometry, cuda_device: str) -> None:
    call = make(kernel.operation, g, "normal", 3, np.float32)
    with memory.poisoned():
        y = run(kernel, call, cuda_device)
    assert np.array_equal(y, np.zeros(call.define()[0].shape))


@pytest.mark.parametrize("seed", [1, 2])
@served(GEOMETRIES, THREES)
def test_any_order_and_grid_give_the_same_bits(
    kernel: Kernel, g: ConvGeometry, seed: int, cuda_device: str
) -> None:
    call = make(kernel.operation, g, "normal", seed, np.float32)
    plain = run(kernel, call, cuda_device)
    with emulator.schedule(seed), few_blocks(1):
        assert same_bits(run(kernel, call, cuda_device), plain)
