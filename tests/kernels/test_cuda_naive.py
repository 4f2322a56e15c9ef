"""Naive CUDA kernels, one thread for each element, against the definition."""

from __future__ import annotations

import numpy as np
import pytest

from kernels import ConvGeometry, Kernel, named
from kernels.bounds import within
from kernels.contract import memory
from kernels.cuda.grids import few_blocks
from kernels.verify.calls import make
from tests.kernels.cuda_cases import geometries, run

NAIVE = [named(op, "naive", "cuda") for op in ("conv2d", "conv2d_dgrad", "conv2d_wgrad")]
naive = pytest.mark.parametrize("kernel", NAIVE, ids=lambda kernel: kernel.operation)


@geometries
@naive
def test_a_naive_kernel_makes_no_error_on_small_integers(
    kernel: Kernel, g: ConvGeometry, cuda_device: str
) -> None:
    call = make(kernel.operation, g, "integers", 2, np.float32)
    assert np.array_equal(run(kernel, call, cuda_device), call.define()[0])


@geometries
def test_the_naive_convolution_adds_its_bias(g: ConvGeometry, cuda_device: str) -> None:
    bias = np.random.default_rng(4).standard_normal(g.K).astype(np.float32)
    call = make("conv2d", g, "normal", 4, np.float32, bias=bias)
    (expected,), (bound,) = call.define(), call.bound(NAIVE[0])
    assert within(run(NAIVE[0], call, cuda_device), expected, bound)


@naive
def test_a_naive_kernel_strides_past_its_grid(kernel: Kernel, cuda_device: str) -> None:
    """More outputs than a block has threads: each thread has several."""
    g = ConvGeometry.of((2, 5, 12, 11), (7, 5, 3, 4), padding=1)
    call = make(kernel.operation, g, "integers", 5, np.float32)
    with few_blocks(1), memory.poisoned():
        assert np.array_equal(run(kernel, call, cuda_device), call.define()[0])
