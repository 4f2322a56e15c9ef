"""Selection of tiles for convolutions on CUDA, and the numbers that tiles state."""

from __future__ import annotations

import pytest

from kernels import ConvGeometry, pick
from kernels.conv2d import cuda_implicit_gemm as fprop
from kernels.conv2d_dgrad import cuda_implicit_gemm as dgrad
from kernels.conv2d_wgrad import cuda_implicit_gemm as wgrad
from kernels.cuda import report
from kernels.cuda.tiles import MULTIPROCESSORS, Tile
from tests.kernels.cuda_cases import GEOMETRIES
from tests.shared.cuda_compiling import needs_compiler

MODULES = {"conv2d": fprop, "conv2d_dgrad": dgrad, "conv2d_wgrad": wgrad}
operations = pytest.mark.parametrize("operation", MODULES)
LARGE = ConvGeometry.of((1024, 256, 13, 13), (384, 256, 3, 3), padding=1)


@pytest.mark.parametrize("tile", wgrad.TILES, ids=lambda tile: tile.instance("wgrad"))
@pytest.mark.parametrize("side", [1, 2, 13, 40, 111, 224])
def test_the_parts_of_a_sum_are_whole_slices_that_cover_the_pixels(side: int, tile: Tile) -> None:
    g = ConvGeometry.of((3, 8, side, side), (8, 8, 1, 1))
    count = wgrad.parts(g, tile)
    each = wgrad.part_length(g, count)
    assert each % wgrad.SLICE == 0
    assert (count - 1) * each < g.N * side * side <= count * each


@operations
def test_a_large_layer_gets_the_tile_that_loads_least(operation: str) -> None:
    module = MODULES[operation]
    assert module.plan(LARGE).tile == max(module.TILES, key=lambda tile: tile.rows * tile.columns)


@operations
def test_a_small_layer_gets_small_tiles(operation: str) -> None:
    g = ConvGeometry.of((1, 64, 8, 8), (64, 64, 3, 3), padding=1)
    tile = MODULES[operation].plan(g).tile
    assert tile.rows * tile.columns <= 64 * 64


def test_the_step_to_an_images_channels_gets_a_narrow_tile() -> None:
    g = ConvGeometry.of((8, 3, 224, 224), (96, 3, 7, 7), 2, 1)
    assert dgrad.plan(g).tile.columns == 16


def test_weights_of_few_tiles_are_summed_in_as_many_blocks_as_there_are_multiprocessors() -> None:
    g = ConvGeometry.of((64, 96, 27, 27), (256, 96, 5, 5), padding=2)
    chosen = wgrad.plan(g)
    assert chosen.blocks * chosen.parts >= MULTIPROCESSORS


@pytest.mark.parametrize("g", [LARGE, *GEOMETRIES.values()])
@operations
def test_loads_of_vectors_divide_the_channels_they_run_along(
    operation: str, g: ConvGeometry
) -> None:
    C, K = g.C // g.groups, g.K // g.groups
    widths = MODULES[operation].plan(g).tile.widths
    counts = (C,) if operation == "conv2d" else (K, C)
    assert all(count % width == 0 for count, width in zip(counts, widths, strict=True))


@operations
def test_more_groups_than_a_grid_has_are_refused(operation: str) -> None:
    g = ConvGeometry.of((1, 1 << 16, 1, 1), (1 << 16, 1, 1, 1), groups=1 << 16)
    with pytest.raises(ValueError, match="no kernel 'implicit_gemm' on 'cuda' serves"):
        pick(operation, "cuda", g, "implicit_gemm")


@needs_compiler
@operations
def test_tiles_state_what_the_machine_code_has(operation: str) -> None:
    """Blocks on a multiprocessor, and the share of multiply-adds, halved in double."""
    module = MODULES[operation]
    lines = {line.entry: line for line in report.lines(module.PROGRAM, "sm_80")}
    for tile in module.TILES:
        line = lines[tile.instance(operation.removeprefix("conv2d_").replace("conv2d", "fprop"))]
        share = line.counts.fma / line.counts.instructions * (0.5 if tile.ctype == "double" else 1)
        assert line.occupancy.blocks == tile.resident
        assert abs(share - tile.share) < 0.05
