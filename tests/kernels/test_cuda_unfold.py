"""im2col and its transpose col2im on CUDA, both exact."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from kernels import ConvGeometry, reference
from kernels.bounds import same_bits
from kernels.contract import memory
from kernels.cuda import emulator, host, place
from kernels.cuda.grids import few_blocks
from kernels.cuda.packs import pack
from kernels.cuda.unfold import fold_images, images_per_chunk, rows_per_chunk, unfold_rows
from kernels.verify.arrays import integers, normal
from tests.kernels.cuda_cases import dtypes, geometries


def columns_shape(g: ConvGeometry) -> tuple[int, int, int]:
    return g.groups, g.N * g.P * g.Q, g.R * g.S * (g.C // g.groups)


def places(g: ConvGeometry) -> Iterator[tuple[tuple[int, int, int], tuple[int, int, int, int]]]:
    """The indices of columns and x that belong together, for every tap on the plane."""
    each = g.C // g.groups
    for n, p, q, c in np.ndindex(g.N, g.P, g.Q, g.C):
        for (r, s), (h, w) in reference.taps(g, p, q):
            row = (n * g.P + p) * g.Q + q
            yield (c // each, row, (r * g.S + s) * each + c % each), (n, c, h, w)


def unfolded(x: np.ndarray, g: ConvGeometry) -> np.ndarray:
    columns = np.zeros(columns_shape(g), x.dtype)
    for at, pixel in places(g):
        columns[at] = x[pixel]
    return columns


def folded(columns: np.ndarray, g: ConvGeometry) -> np.ndarray:
    x = np.zeros(g.x_shape, columns.dtype)
    for at, pixel in places(g):
        x[pixel] += columns[at]
    return x


def channels_last(x: np.ndarray, device: str) -> Any:
    return place(memory.nchw(memory.nhwc(x).copy()), device)


def fold(columns: np.ndarray, g: ConvGeometry, device: str) -> np.ndarray:
    x = channels_last(np.full(g.x_shape, np.nan, columns.dtype), device)
    fold_images(place(columns, device), x, g, 0, g.N)
    return host(x)


@dtypes
@geometries
def test_every_window_is_laid_out_as_a_row_of_its_taps(
    g: ConvGeometry, dtype: type, cuda_device: str
) -> None:
    x = normal(g.x_shape, np.random.default_rng(1), dtype)
    with memory.poisoned():
        columns = unfold_rows(channels_last(x, cuda_device), g, 0, g.N * g.P)
    assert same_bits(host(columns), unfolded(x, g))


@dtypes
@geometries
def test_folding_sums_the_taps_of_each_pixel(
    g: ConvGeometry, dtype: type, cuda_device: str
) -> None:
    columns = integers(columns_shape(g), np.random.default_rng(2), dtype)
    assert np.array_equal(fold(columns, g, cuda_device), folded(columns, g))


@geometries
def test_rows_unfolded_one_at_a_time_are_the_rows_of_all(g: ConvGeometry, cuda_device: str) -> None:
    x = channels_last(normal(g.x_shape, np.random.default_rng(3), np.float32), cuda_device)
    whole = host(unfold_rows(x, g, 0, g.N * g.P))
    parts = [host(unfold_rows(x, g, first, 1)) for first in range(g.N * g.P)]
    assert same_bits(np.concatenate(parts, axis=1), whole)


def test_folding_some_images_leaves_the_others_alone(cuda_device: str) -> None:
    g = ConvGeometry.of((3, 4, 4, 5), (2, 4, 2, 3))
    columns = integers(columns_shape(g), np.random.default_rng(4), np.float32)
    x = channels_last(np.full(g.x_shape, 7, np.float32), cuda_device)
    second = columns.reshape(1, 3, g.P * g.Q, -1)[:, 1]  # (1,NPQ,RSC) -> (1,N,PQ,RSC) -> (1,PQ,RSC)
    fold_images(place(second, cuda_device), x, g, 1, 1)
    expected = np.full(g.x_shape, 7, np.float32)
    expected[1] = folded(columns, g)[1]
    assert np.array_equal(host(x), expected)


@pytest.mark.parametrize("seed", [1, 2])
@geometries
def test_unfolding_and_folding_give_the_same_bits_in_any_order_and_grid(
    g: ConvGeometry, seed: int, cuda_device: str
) -> None:
    rng = np.random.default_rng(seed)
    x = channels_last(normal(g.x_shape, rng, np.float32), cuda_device)
    columns = normal(columns_shape(g), rng, np.float32)
    laid_out, summed = host(unfold_rows(x, g, 0, g.N * g.P)), fold(columns, g, cuda_device)
    with emulator.schedule(seed), few_blocks(seed):
        assert same_bits(host(unfold_rows(x, g, 0, g.N * g.P)), laid_out)
        assert same_bits(fold(columns, g, cuda_device), summed)


def test_folding_strides_past_its_grid_along_a_row(cuda_device: str) -> None:
    """More values in a row of pixels than a block has threads: each thread has several."""
    g = ConvGeometry.of((1, 3, 2, 110), (1, 3, 2, 3))
    columns = integers(columns_shape(g), np.random.default_rng(5), np.float32)
    with few_blocks(1):
        assert np.array_equal(fold(columns, g, cuda_device), folded(columns, g))


def test_sixteen_bytes_are_moved_where_channels_and_addresses_allow_it(cuda_device: str) -> None:
    floats, doubles = (place(np.zeros(12, T), cuda_device) for T in (np.float32, np.float64))
    assert pack(8, floats) == ("float4", 4)
    assert pack(6, floats) == ("float", 1)
    assert pack(6, doubles) == ("double2", 2)
    assert pack(3, doubles) == ("double", 1)
    assert pack(8, floats, floats[1:]) == ("float", 1)


def test_a_chunk_holds_what_it_may_and_at_least_one_row_or_image() -> None:
    g = ConvGeometry.of((4, 6, 10, 10), (2, 3, 3, 3), groups=2)
    a_row = 8 * 9 * 6 * 4  # Q R S C, float32
    with memory.in_chunks(5 * a_row + 1):
        assert rows_per_chunk(g, 4) == 5
        assert images_per_chunk(g, 4) == 1
    with memory.in_chunks(1):
        assert rows_per_chunk(g, 4) == 1
    with memory.in_chunks(1 << 30):
        assert (rows_per_chunk(g, 4), images_per_chunk(g, 4)) == (4 * 8, 4)
