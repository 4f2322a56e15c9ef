"""CUDA convolutions by im2col and products, and the matrix product, against the definition."""

from __future__ import annotations

import numpy as np
import pytest

from kernels import ConvGeometry, Kernel, named
from kernels.bounds import same_bits, within
from kernels.contract import memory
from kernels.conv2d_dgrad import cuda_flipped, flipped
from kernels.cuda import host, place
from kernels.cuda.grouped import grouped_product
from kernels.verify.arrays import integers, normal
from kernels.verify.calls import make
from tests.kernels.cuda_cases import dtypes, geometries, run

UNFOLDING = [
    named("conv2d", "im2col", "cuda"),
    named("conv2d_dgrad", "col2im", "cuda"),
    named("conv2d_dgrad", "flipped", "cuda"),
    named("conv2d_wgrad", "im2col", "cuda"),
]
unfolding = pytest.mark.parametrize("kernel", UNFOLDING, ids=lambda k: f"{k.operation} {k.name}")


@pytest.mark.parametrize("nbytes", [1, 3000])
@geometries
@unfolding
def test_an_unfolding_kernel_makes_no_error_on_small_integers_in_small_chunks(
    kernel: Kernel, g: ConvGeometry, nbytes: int, cuda_device: str
) -> None:
    call = make(kernel.operation, g, "integers", 2, np.float32)
    with memory.in_chunks(nbytes), memory.poisoned():
        assert np.array_equal(run(kernel, call, cuda_device), call.define()[0])


@pytest.mark.parametrize("K", [4, 3])
def test_im2col_adds_its_bias_and_rectifies(K: int, cuda_device: str) -> None:
    g = ConvGeometry.of((2, 4, 5, 6), (K, 4, 3, 3), padding=1)
    bias = np.random.default_rng(5).standard_normal(K).astype(np.float32)
    call = make("conv2d", g, "normal", 5, np.float32, bias=bias)
    (expected,), (bound,) = call.define(), call.bound(UNFOLDING[0])
    x, w = (place(a, cuda_device) for a in call.inputs.values())
    plain = run(UNFOLDING[0], call, cuda_device)
    assert within(plain, expected, bound)
    rectified = host(UNFOLDING[0](x, w, g, bias=place(bias, cuda_device), rectify=True))
    assert same_bits(rectified, np.where(plain <= 0, 0, plain).astype(np.float32))


@geometries
def test_the_flipped_kernel_and_the_scatter_form_agree(g: ConvGeometry, cuda_device: str) -> None:
    call = make("conv2d_dgrad", g, "integers", 6, np.float32)
    assert np.array_equal(
        run(UNFOLDING[1], call, cuda_device), run(UNFOLDING[2], call, cuda_device)
    )


@geometries
def test_zeros_are_inserted_and_the_kernel_is_flipped_as_on_the_cpu(
    g: ConvGeometry, cuda_device: str
) -> None:
    rng = np.random.default_rng(7)
    gy, w = (memory.admit(normal(shape, rng, np.float32)) for shape in (g.y_shape, g.w_shape))
    with memory.poisoned():
        spread = cuda_flipped.spread_out(place(gy, cuda_device), g)
        kernel = cuda_flipped.flip(place(w, cuda_device), g)
    assert same_bits(host(spread), flipped.spread_out(gy, g))
    assert same_bits(host(kernel), flipped.flip(w, g))


@pytest.mark.parametrize("placed", [False, True])
@pytest.mark.parametrize("groups", [1, 3])
def test_each_group_is_multiplied_by_its_own_matrix(
    groups: int, placed: bool, cuda_device: str
) -> None:
    rng = np.random.default_rng(10)
    a, b = integers((groups, 4, 5), rng, np.float32), integers((groups, 2, 5), rng, np.float32)
    out = place(np.full((groups, 4, 2), np.nan, np.float32), cuda_device) if placed else None
    result = grouped_product(
        place(a, cuda_device), place(b, cuda_device).transpose(0, 2, 1), out=out
    )
    expected = (a[:, :, None] * b[:, None]).sum(axis=3)  # (G,M,1,K) x (G,1,N,K) -> (G,M,N)
    assert np.array_equal(host(result), expected)
    assert out is None or np.array_equal(host(out), expected)


SHAPES = [(3, 4, 5), (1, 8, 2), (5, 3, 1), (2, 3, 0), (0, 3, 2), (2, 0, 3)]


@pytest.mark.parametrize("biased", [False, True])
@dtypes
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_product_by_cublas_is_within_its_bound(
    shape: tuple[int, int, int], dtype: type, biased: bool, cuda_device: str
) -> None:
    kernel = named("matmul", "blas", "cuda")
    bias = normal((shape[1],), np.random.default_rng(8), dtype)
    call = make("matmul", shape, "normal", 8, dtype, **({"bias": bias} if biased else {}))
    with memory.poisoned():
        y = run(kernel, call, cuda_device)
    (expected,), (bound,) = call.define(), call.bound(kernel)
    assert y.dtype == dtype and within(y, expected, bound)


def test_the_product_takes_transposed_matrices_as_they_lie(cuda_device: str) -> None:
    rng = np.random.default_rng(9)
    a, b = normal((5, 3), rng, np.float64), normal((4, 5), rng, np.float64)
    kernel = named("matmul", "blas", "cuda")
    before = memory.counters.copies
    out = host(kernel(place(a, cuda_device).T, place(b, cuda_device).T, (3, 4, 5)))
    assert memory.counters.copies == before
    call = make("matmul", (3, 4, 5), "normal", 9).but(a=a.T, b=b.T)
    assert within(out, call.define()[0], call.bound(kernel)[0])
