"""Convolutions as products of tiles: at the tiles' edges, in any schedule, and which tile is chosen."""

from __future__ import annotations

from contextlib import contextmanager
from types import ModuleType

import numpy as np
import pytest
from cuda_cases import EMPTY, GEOMETRIES, dtypes, empty_geometries, geometries, run
from cuda_compiling import needs_compiler

from kernels import ConvGeometry, memory, named, pick
from kernels.bounds import same_bits, within
from kernels.conv2d import cuda_implicit_gemm as fprop
from kernels.conv2d_dgrad import cuda_implicit_gemm as dgrad
from kernels.conv2d_wgrad import cuda_implicit_gemm as wgrad
from kernels.cuda import emulator, report
from kernels.cuda.grids import few_blocks
from kernels.cuda.tiles import MULTIPROCESSORS, Tile
from kernels.verify.calls import Call, make

MODULES = {"conv2d": fprop, "conv2d_dgrad": dgrad, "conv2d_wgrad": wgrad}
operations = pytest.mark.parametrize("operation", MODULES)
TILES = [(operation, tile) for operation, module in MODULES.items() for tile in module.TILES]
tiles = pytest.mark.parametrize(
    ("operation", "tile"), TILES, ids=[tile.instance(name) for name, tile in TILES]
)
DTYPES = {"float": np.float32, "double": np.float64}
LARGE = ConvGeometry.of((64, 256, 13, 13), (384, 256, 3, 3), padding=1)


@contextmanager
def only(operation: str, *chosen: Tile, **changed: int):  # type: ignore[no-untyped-def]
    """Within it the operation has these tiles alone, and other constants of its file."""
    module: ModuleType = MODULES[operation]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "TILES", chosen)
        for name, value in changed.items():
            patch.setattr(module, name, value)
        yield


def product(operation: str, rows: int, columns: int, terms: int) -> ConvGeometry:
    """A convolution with windows of one pixel, whose matrices are of these sizes."""
    pixels, C, K = {
        "conv2d": (rows, terms, columns),
        "conv2d_dgrad": (rows, columns, terms),
        "conv2d_wgrad": (terms, columns, rows),
    }[operation]
    return ConvGeometry.of((1, C, 1, pixels), (K, C, 1, 1))


def expected_product(call: Call) -> np.ndarray:
    """The same by NumPy, in integers."""
    a, b = (array.astype(np.int64) for array in call.inputs.values())
    if call.operation == "conv2d":
        return np.einsum("ncpq,kcrs->nkpq", a, b)  # (1,C,1,X) x (K,C,1,1) -> (1,K,1,X)
    if call.operation == "conv2d_dgrad":
        return np.einsum("nkpq,kcrs->ncpq", a, b)  # (1,K,1,X) x (K,C,1,1) -> (1,C,1,X)
    return np.einsum("ncpq,nkpq->kc", a, b)[..., None, None]  # (1,C,1,X) x (1,K,1,X) -> (K,C,1,1)


def up(count: int, width: int) -> int:
    return -(-count // width) * width


@pytest.mark.parametrize("excess", [-1, 0, 1])
@pytest.mark.parametrize("terms", [1, 7, 8, 9, 17])
@tiles
def test_a_product_is_exact_around_the_edges_of_a_tile(
    operation: str, tile: Tile, terms: int, excess: int, cuda_device: str
) -> None:
    """One row, column or term too few or too many; in whole vectors where those are loaded."""
    width = max(tile.widths)
    g = product(
        operation, *(up(size + excess, width) for size in (tile.rows, tile.columns)),
        up(terms, width),
    )  # fmt: skip
    call = make(operation, g, "integers", terms, DTYPES[tile.ctype])
    with only(operation, tile), memory.poisoned():
        y = run(named(operation, "implicit_gemm", "cuda"), call, cuda_device)
    assert np.array_equal(y, expected_product(call))


@pytest.mark.parametrize("sizes", [(1, 1), (1, 130), (130, 1), (129, 257)])
@operations
def test_a_product_of_any_shape_is_exact(
    operation: str, sizes: tuple[int, int], cuda_device: str
) -> None:
    call = make(operation, product(operation, *sizes, 5), "integers", 6, np.float32)
    with memory.poisoned():
        y = run(named(operation, "implicit_gemm", "cuda"), call, cuda_device)
    assert np.array_equal(y, expected_product(call))


@dtypes
@geometries
@operations
def test_an_implicit_product_is_within_its_bound(
    operation: str, g: ConvGeometry, dtype: type, cuda_device: str
) -> None:
    kernel = named(operation, "implicit_gemm", "cuda")
    call = make(operation, g, "normal", 1, dtype)
    with memory.poisoned():
        y = run(kernel, call, cuda_device)
    (expected,), (bound,) = call.define(), call.bound(kernel)
    assert y.dtype == dtype and within(y, expected, bound)


@empty_geometries
@operations
def test_an_implicit_product_of_nothing_is_zero(
    operation: str, g: ConvGeometry, cuda_device: str
) -> None:
    call = make(operation, g, "normal", 3, np.float32)
    with memory.poisoned():
        y = run(named(operation, "implicit_gemm", "cuda"), call, cuda_device)
    assert np.array_equal(y, np.zeros(call.define()[0].shape))


@pytest.mark.parametrize("seed", [1, 2])
@geometries
@operations
def test_an_implicit_product_has_the_same_bits_in_any_order(
    operation: str, g: ConvGeometry, seed: int, cuda_device: str
) -> None:
    kernel = named(operation, "implicit_gemm", "cuda")
    call = make(operation, g, "normal", seed, np.float32)
    with only(operation, *MODULES[operation].TILES, **_parts(operation)):
        plain = run(kernel, call, cuda_device)
        with emulator.schedule(seed), few_blocks(1):
            assert same_bits(run(kernel, call, cuda_device), plain)


def _parts(operation: str) -> dict[str, int]:
    """So that small sums are cut into several parts too."""
    return {"LEAST": wgrad.SLICE} if operation == "conv2d_wgrad" else {}


@operations
def test_which_tile_was_chosen_cannot_be_seen_in_a_result(operation: str, cuda_device: str) -> None:
    kernel = named(operation, "implicit_gemm", "cuda")
    g = ConvGeometry.of((2, 8, 9, 8), (12, 8, 3, 3), 2, 1)
    call = make(operation, g, "normal", 7, np.float32)
    results = []
    for tile in (t for t in MODULES[operation].TILES if t.ctype == "float"):
        with only(operation, tile):
            results.append(run(kernel, call, cuda_device))
    assert len(results) > 2
    assert all(same_bits(result, results[0]) for result in results[1:])


@pytest.mark.parametrize("rectify", [False, True])
@geometries
def test_the_implicit_convolution_adds_its_bias_and_rectifies(
    g: ConvGeometry, rectify: bool, cuda_device: str
) -> None:
    kernel = named("conv2d", "implicit_gemm", "cuda")
    bias = np.random.default_rng(4).integers(-9, 10, g.K).astype(np.float32)
    call = make("conv2d", g, "integers", 4, np.float32, bias=bias)
    (expected,) = call.define()
    given = make("conv2d", g, "integers", 4, np.float32, bias=bias, rectify=rectify)
    y = run(kernel, given, cuda_device)
    assert np.array_equal(y, np.maximum(expected, 0) if rectify else expected)


def test_rectifying_keeps_a_nan(cuda_device: str) -> None:
    g = GEOMETRIES["packs of four channels"]
    call = make("conv2d", g, "integers", 4, np.float32, rectify=True)
    call = call.but(x=np.full(g.x_shape, np.nan, np.float32))
    assert np.isnan(run(named("conv2d", "implicit_gemm", "cuda"), call, cuda_device)).all()


def test_a_convolution_of_no_channels_is_its_bias_rectified(cuda_device: str) -> None:
    g = EMPTY["no channels"]
    bias = np.array([-1, 0, 2], np.float32)
    call = make("conv2d", g, "normal", 4, np.float32, bias=bias, rectify=True)
    y = run(named("conv2d", "implicit_gemm", "cuda"), call, cuda_device)
    assert np.array_equal(y, np.broadcast_to([[[[0]], [[0]], [[2]]]], g.y_shape))


@pytest.mark.parametrize("pixels", [8, 9, 63, 65, 200])
@dtypes
def test_the_parts_of_a_sum_over_pixels_add_up(dtype: type, pixels: int, cuda_device: str) -> None:
    """Whole slices, a last part that is shorter, and a last slice that is."""
    call = make("conv2d_wgrad", product("conv2d_wgrad", 5, 6, pixels), "integers", 8, dtype)
    with only("conv2d_wgrad", *wgrad.TILES, **_parts("conv2d_wgrad")), memory.poisoned():
        assert wgrad.plan(call.g).parts == -(-pixels // wgrad.SLICE)
        y = run(named("conv2d_wgrad", "implicit_gemm", "cuda"), call, cuda_device)
    assert np.array_equal(y, expected_product(call))


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
    largest = max(module.TILES, key=lambda tile: tile.rows * tile.columns)
    assert module.plan(LARGE).tile.columns == largest.columns == 128


@operations
def test_a_small_layer_gets_small_tiles(operation: str) -> None:
    g = ConvGeometry.of((1, 64, 8, 8), (64, 64, 3, 3), padding=1)
    assert MODULES[operation].plan(g).tile.rows == 64


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
